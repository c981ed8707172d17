"""Consents as people meet them: one's own page, papers that a curator records, the list, scans and texts."""

import csv
import re
import stat
from datetime import date, timedelta
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Audience, Consent, ConsentText, Way
from lti_service.people.consents.service import Standing
from lti_service.people.models import MentorState
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.pairs.test_views import text_of

PDF = b"%PDF-1.4\n1 0 obj\n%%EOF"


def token_of(response) -> str:
    """The CSRF token of a page's form, however the form was written."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', response.text)
    assert found, response.text
    return found[1]


def post(client, page, address, **values):
    """Send a form of a page, with its token."""
    return client.post(address, data={"csrf_token": token_of(client.get(page)), **values})


@pytest.fixture
def base(world):
    return f"/courses/{world.course.id}/"


@pytest.fixture
def curator(world, come_in):
    return come_in(world.curator)


def born(world, years: int) -> date:
    """Somebody's birthday who is so many years old."""
    return date(world.day.year - years, 1, 10)


def standing(world, person) -> Standing:
    world.session.rollback()
    world.session.expire_all()
    return consents.of_person(world.session, person.id, world.day).standing


def student(world, name="Борисова Анна", **facts):
    return world.person(name, Role.STUDENT, consents=False, **facts)


def actions(world) -> list[str]:
    """What the trail says of consents, in order."""
    world.session.rollback()
    of_consents = AuditEvent.action.startswith("consent.")
    return list(world.session.scalars(select(AuditEvent.action).where(of_consents).order_by(AuditEvent.id)))


# --- one's own ----------------------------------------------------------------------------------------------------


def test_an_adult_reads_agrees_and_withdraws(world, base, come_in):
    person = student(world, birth_date=born(world, 19))
    browser = come_in(person)
    assert "Нужно ваше согласие на обработку персональных данных" in text_of(browser.get(base))
    page = browser.get(f"{base}my-consent")
    assert "152-ФЗ" in text_of(page)
    assert "says_adult" not in page.text
    text = re.search(r'name="text" value="(\d+)"', page.text)[1]
    done = browser.post(f"{base}my-consent", data={"csrf_token": token_of(page), "text": text})
    assert done.status_code == 303
    assert standing(world, person) is Standing.OWN
    home = text_of(browser.get(base))
    assert "Нужно ваше согласие" not in home
    assert "Ваше согласие на обработку персональных данных есть" in home
    assert "152-ФЗ" in text_of(browser.get(f"{base}my-consent")), "what was agreed to can be read again"

    assert post(browser, f"{base}my-consent", f"{base}my-consent/withdraw", reason="Передумала").status_code == 303
    assert standing(world, person) is Standing.WITHDRAWN
    assert "Согласие отозвано" in text_of(browser.get(base))
    assert actions(world) == ["consent.given", "consent.withdrawn"]


def test_whose_age_nobody_knows_is_asked_to_say_it(world, base, come_in):
    person = student(world)
    browser = come_in(person)
    page = browser.get(f"{base}my-consent")
    text = re.search(r'name="text" value="(\d+)"', page.text)[1]
    sent = {"csrf_token": token_of(page), "text": text}
    refused = browser.post(f"{base}my-consent", data=sent)
    assert refused.status_code == 422
    assert "Мне исполнилось 18 лет" in text_of(refused)
    assert standing(world, person) is Standing.NONE
    assert browser.post(f"{base}my-consent", data={**sent, "says_adult": "1"}).status_code == 303
    assert standing(world, person) is Standing.OWN


def test_a_minor_reads_who_signs_and_prints_the_paper(world, base, come_in):
    person = student(world, birth_date=born(world, 16))
    browser = come_in(person)
    page = browser.get(f"{base}my-consent")
    assert "за вас на бумаге подписывает родитель" in text_of(page)
    assert "Согласен(на)" not in page.text
    forged = {"csrf_token": token_of(browser.get(f"{base}my-request")), "text": "1", "says_adult": "1"}
    assert browser.post(f"{base}my-consent", data=forged).status_code == 403
    assert standing(world, person) is Standing.NONE
    blank = browser.get(f"{base}my-consent/blank")
    assert "Борисова Анна" in blank.text
    assert "Согласие законного представителя" in blank.text
    english = come_in(person, "en").get(f"{base}my-consent/blank").text
    assert "несовершеннолетнего" in english, "a paper for a Russian college, whatever the language of the pages"


def test_a_text_that_changed_meanwhile_is_shown_again(world, base, come_in, curator):
    person = student(world, birth_date=born(world, 20))
    browser = come_in(person)
    page = browser.get(f"{base}my-consent")
    old = re.search(r'name="text" value="(\d+)"', page.text)[1]
    change = f"{base}consents/texts/adult"
    assert post(curator, change, change, title="Согласие", text="Наш собственный текст").status_code == 303
    refused = browser.post(f"{base}my-consent", data={"csrf_token": token_of(page), "text": old})
    assert refused.status_code == 409
    assert "Наш собственный текст" in text_of(refused)
    assert standing(world, person) is Standing.NONE


def test_a_curator_is_asked_only_when_they_take_part(world, base, curator, come_in):
    assert "Нужно ваше согласие" not in text_of(curator.get(base))
    both = world.person("Двойнова Анна", Role.CURATOR, Role.TEACHER, consents=False)
    assert "Нужно ваше согласие" not in text_of(come_in(both).get(base))
    world.mentor(person=both, state=MentorState.READY)
    assert "Нужно ваше согласие" in text_of(come_in(both).get(base))


# --- papers, one by one -------------------------------------------------------------------------------------------


def paper(world, **more):
    values = {
        "way": "representative",
        "signed_on": (world.day - timedelta(days=3)).isoformat(),
        "representative": "Борисова Мария Ивановна",
        "relation": "mother",
    }
    return {**values, **more}


def test_a_representatives_paper_is_recorded_with_its_scan_and_withdrawn(world, base, curator, app):
    person = student(world, birth_date=born(world, 16))
    record, new = f"{base}people/{person.id}/", f"{base}people/{person.id}/consents/new"
    assert "нет согласия" in text_of(curator.get(record))
    done = post(curator, new, new, **paper(world), scan=(BytesIO(PDF), "Борисова.pdf"))
    assert done.status_code == 303
    assert standing(world, person) is Standing.REPRESENTATIVE
    page = text_of(curator.get(record))
    assert "Борисова Мария Ивановна (мать)" in page
    assert "Скачать скан (PDF)" in page

    consent = world.session.scalars(select(Consent).where(Consent.person_id == person.id)).one()
    folder = app.extensions["settings"].scans_path
    [file] = folder.iterdir()
    assert (file.name, file.read_bytes()) == (consent.scan, PDF)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    scan = f"{base}people/{person.id}/consents/{consent.id}/scan"
    got = curator.get(scan)
    assert (got.data, got.content_type) == (PDF, "application/pdf")
    assert got.headers["Content-Disposition"] == f"attachment; filename=consent-{consent.id}.pdf"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-store"

    withdraw = f"{base}people/{person.id}/consents/withdraw"
    refused = post(curator, withdraw, withdraw, withdrawn_on=world.day.isoformat(), reason="")
    assert refused.status_code == 422
    kept = post(curator, withdraw, withdraw, withdrawn_on=world.day.isoformat(), reason="Заявление матери")
    assert kept.status_code == 303
    assert standing(world, person) is Standing.WITHDRAWN
    assert "Основание: Заявление матери" in text_of(curator.get(record))
    assert post(curator, new, f"{scan}/remove").status_code == 303
    assert list(folder.iterdir()) == []
    assert curator.get(scan).status_code == 404
    assert actions(world) == [
        "consent.recorded", "consent.scan-added", "consent.scan-downloaded", "consent.withdrawn",
        "consent.scan-removed",
    ]  # fmt: skip


def test_a_scan_comes_later_and_only_one(world, base, curator, app):
    person = student(world, birth_date=born(world, 16))
    new = f"{base}people/{person.id}/consents/new"
    assert post(curator, new, new, **paper(world)).status_code == 303
    world.session.rollback()
    consent = world.session.scalars(select(Consent).where(Consent.person_id == person.id)).one()
    scan = f"{base}people/{person.id}/consents/{consent.id}/scan"
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 30
    for content, status in ((b"MZ not a scan", 303), (png, 303), (PDF, 303)):
        assert post(curator, new, scan, scan=(BytesIO(content), "scan.pdf")).status_code == status
    assert curator.get(scan).content_type == "image/png"
    assert len(list(app.extensions["settings"].scans_path.iterdir())) == 1
    assert actions(world).count("consent.scan-added") == 1


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"<html><script>", 422, "Это не файл PDF, JPEG или PNG"),
        (b"", 303, ""),
        (PDF + b"0" * 1000, 413, "Файл больше 10 МБ"),
    ],
    ids=["no scan", "empty", "too large"],
)
def test_a_wrong_file_is_refused_and_nothing_is_kept(world, base, curator, app, content, status, said, monkeypatch):
    # Ten megabytes would only make the test slow.
    monkeypatch.setattr("lti_service.people.consents.rules.LARGEST_SCAN", 1000)
    person = student(world, birth_date=born(world, 16))
    new = f"{base}people/{person.id}/consents/new"
    sent = post(curator, new, new, **paper(world), scan=(BytesIO(content), "скан.pdf"))
    assert sent.status_code == status
    assert said in sent.text
    assert standing(world, person) is (Standing.REPRESENTATIVE if status == 303 else Standing.NONE)
    folder = app.extensions["settings"].scans_path
    assert not folder.exists() or not list(folder.iterdir())


def test_a_paper_with_mistakes_says_where_and_leaves_no_file(world, base, curator, app):
    person = student(world, birth_date=born(world, 16))
    new = f"{base}people/{person.id}/consents/new"
    wrong = paper(world, signed_on="", representative="", relation="")
    sent = post(curator, new, new, **wrong, scan=(BytesIO(PDF), "a.pdf"))
    assert sent.status_code == 422
    said = text_of(sent)
    assert "Укажите дату подписи" in said
    assert list(app.extensions["settings"].scans_path.iterdir()) == []
    assert standing(world, person) is Standing.NONE


def test_papers_and_scans_are_for_the_curators_of_the_persons_course(world, base, curator, come_in):
    person = student(world, birth_date=born(world, 16))
    new = f"{base}people/{person.id}/consents/new"
    post(curator, new, new, **paper(world), scan=(BytesIO(PDF), "a.pdf"))
    world.session.rollback()
    consent = world.session.scalars(select(Consent).where(Consent.person_id == person.id)).one()
    scan = f"people/{person.id}/consents/{consent.id}/scan"
    for role in (Role.STUDENT, Role.TEACHER, Role.EMPLOYER, Role.ADMIN):
        assert come_in(world.person("", role)).get(base + scan).status_code == 403
    assert come_in(person).get(base + scan).status_code == 403
    elsewhere = world.another_course()
    other = come_in(world.person("Чужов Иван", Role.CURATOR, course=elsewhere))
    there = f"/courses/{elsewhere.id}/"
    for address in (scan, f"people/{person.id}/consents/new", f"people/{person.id}/consents/blank"):
        assert other.get(there + address).status_code == 404
    mine = student(world, birth_date=born(world, 17))
    assert curator.get(f"{base}people/{mine.id}/consents/{consent.id}/scan").status_code == 404


# --- the list -----------------------------------------------------------------------------------------------------


def everybody(world):
    """One of each: nine people who take part or do not."""
    day = world.day
    return {
        "own": world.mentee("Авдеев Иван", groups="ГР-1"),
        "none": world.mentee("Бобров Иван", groups="ГР-1", consents=False),
        "minor": world.mentee("Волков Иван", groups="ГР-2", birth_date=born(world, 16), consents=False),
        "representative": world.mentee("Гусев Иван", birth_date=born(world, 16)),
        "mentor": world.mentor("Дятлов Иван", consents=False),
        "outside": student(world, "Ежов Иван"),
        "day": day,
    }


def test_the_list_filters_by_standing_and_the_home_page_leads_to_it(world, base, curator):
    people = everybody(world)
    withdraw_consent(world.session, people["own"].person, world.day)
    world.session.commit()
    home = curator.get(base)
    assert "Без согласия на обработку персональных данных: 4 из 5 участников" in text_of(home)
    href = re.search(r'href="([^"]*consents/\?[^"]*)"', home.text)[1].replace("&amp;", "&")
    shown = text_of(curator.get(href))
    names = ("Авдеев", "Бобров", "Волков", "Гусев", "Дятлов", "Ежов")

    def listed(query):
        page = curator.get(f"{base}consents/?{query}").text
        return [name for name in names if f">{name} Иван<" in page]

    assert [name for name in names if name in shown] == ["Авдеев", "Бобров", "Волков", "Дятлов"]
    assert listed("standing=missing") == ["Авдеев", "Бобров", "Волков", "Дятлов", "Ежов"]
    assert listed("standing=none&who=mentors") == ["Дятлов"]
    assert listed("standing=withdrawn") == ["Авдеев"]
    assert listed("standing=minor") == ["Волков"]
    assert listed("standing=representative") == ["Гусев"]
    assert listed("standing=missing&group=ГР-1") == ["Авдеев", "Бобров"]
    assert listed("search=гусев") == ["Гусев"]
    for sort in ("name", "group", "standing", "nonsense"):
        assert set(listed(f"sort={sort}&order=desc")) == set(names)
    saved = curator.get(f"{base}consents/list.csv?standing=withdrawn").data.decode("utf-8-sig").splitlines()
    assert len(saved) == 2
    assert saved[1].startswith("Авдеев Иван;ГР-1;;согласие отозвано;")


def test_the_bases_show_and_filter_by_consent(world, base, curator, session):
    people = everybody(world)
    page = curator.get(f"{base}base/?consent=missing")
    assert "Бобров Иван" in page.text
    assert "Волков Иван" in page.text
    assert "Авдеев Иван" not in page.text
    assert text_of(page).count("нет согласия") == 4, "in the column, and on a phone below the state"
    assert "Волков Иван" in curator.get(f"{base}base/?consent=minor").text
    assert "Бобров Иван" not in curator.get(f"{base}base/?consent=minor").text
    assert "Дятлов Иван" in curator.get(f"{base}base/mentors/?consent=none").text
    assert "Дятлов Иван" not in curator.get(f"{base}base/mentors/?consent=own").text
    chosen = curator.get(f"{base}base/?consent=missing&select=all")
    mark = re.search(r'name="everyone"[^>]* value="([^"]+)"', chosen.text)[1]
    sent = {"csrf_token": token_of(chosen), "everyone": mark, "action": "give_up"}
    assert curator.post(f"{base}base/?consent=missing", data=sent).status_code == 303
    session.expire_all()
    states = {name: people[name].state.value for name in ("own", "none", "minor")}
    assert states == {"own": "needs", "none": "unpaired", "minor": "unpaired"}


def test_files_of_the_bases_heed_what_was_not_agreed_to(world, base, curator):
    for name, given in (("Авдеев Иван", True), ("Бобров Иван", False)):
        world.mentee(name, request="Хочу научиться варить", department="Сварка", consents=given)
    gone = world.mentee("Волков Иван", request="Хочу научиться варить", department="Сварка")
    withdraw_consent(world.session, gone.person, world.day)
    world.session.commit()
    rows = curator.get(f"{base}base/mentees.csv").data.decode("utf-8-sig").splitlines()[1:]
    whole, without, withdrawn = sorted(rows)
    assert "Хочу научиться варить" in whole
    assert "Хочу научиться варить" not in without
    assert "@college.example" in without, "the curator must be able to ask for the consent"
    assert "нет согласия" in without
    assert not [told for told in ("Хочу научиться варить", "@college.example", "Сварка") if told in withdrawn]
    assert "согласие отозвано" in withdrawn


def test_the_list_costs_as_many_queries_for_many_as_for_a_few(world, base, curator, session):
    def cost():
        with statements(session) as sent:
            for query in ("", "?standing=missing", "?who=taking-part&sort=standing"):
                assert curator.get(f"{base}consents/{query}").status_code == 200
            assert curator.get(base).status_code == 200
        return len(sent)

    everybody(world)
    few = cost()
    for number in range(60):
        world.mentee(consents=bool(number % 2))
    assert cost() == few


def test_all_adults_of_a_filter_are_recorded_at_once_not_one_page_of_them(world, base, curator):
    grown = [student(world, "", birth_date=born(world, 20), groups="ГР-9") for _ in range(60)]
    other = student(world, "", birth_date=born(world, 20), groups="ГР-8")
    unknown = student(world, "", groups="ГР-9")
    address = f"{base}consents/record?group=ГР-9"
    page = curator.get(address)
    assert "Есть 18 лет, подписали сами: 60" in text_of(page)
    counted = re.search(r'name="counted"[^>]* value="([^"]*)"', page.text)[1]
    sent = {"csrf_token": token_of(page), "part": "adults", "signed_on": world.day.isoformat(), "counted": counted}
    late = student(world, "", birth_date=born(world, 20), groups="ГР-9")
    refused = curator.post(address, data=sent)
    assert refused.status_code == 409, "somebody has come in since the number was shown"
    again = re.search(r'name="counted"[^>]* value="([^"]*)"', refused.text)[1]
    assert curator.post(address, data={**sent, "counted": again}).status_code == 303
    assert {standing(world, person) for person in (*grown, late)} == {Standing.OWN}
    assert standing(world, other) is Standing.NONE
    assert standing(world, unknown) is Standing.NONE
    page = curator.get(address)
    counted = re.search(r'name="counted"[^>]* value="([^"]*)"', page.text)[1]
    done = curator.post(address, data={**sent, "counted": counted, "unknown": "y"})
    assert done.status_code == 303
    assert standing(world, unknown) is Standing.OWN


def test_a_date_before_somebody_came_of_age_records_nobody_and_names_them(world, base, curator):
    world.mentee("Авдеев Иван", birth_date=born(world, 20), consents=False)
    young = world.mentee("Бобров Иван", birth_date=world.day.replace(year=world.day.year - 18, day=1), consents=False)
    address = f"{base}consents/record"
    page = curator.get(address)
    counted = re.search(r'name="counted"[^>]* value="([^"]*)"', page.text)[1]
    before = (world.day.replace(day=1) - timedelta(days=2)).isoformat()
    sent = {"csrf_token": token_of(page), "part": "adults", "signed_on": before, "counted": counted}
    refused = curator.post(address, data=sent)
    assert refused.status_code == 422
    assert "Бобров Иван: В тот день" in text_of(refused) or "Бобров Иван:" in text_of(refused)
    assert "Авдеев Иван:" not in text_of(refused)
    assert standing(world, young.person) is Standing.NONE
    assert actions(world) == []


def test_papers_of_minors_are_recorded_line_by_line_all_or_none(world, base, curator):
    one, two, three = (
        student(world, name, birth_date=born(world, 16)) for name in ("Авдеев А", "Бобров Б", "Волков В")
    )
    address = f"{base}consents/record"
    page = curator.get(address)
    sent = {
        "csrf_token": token_of(page),
        "part": "minors",
        "signed_on": world.day.isoformat(),
        "person": [one.id, two.id, three.id],
        f"name-{one.id}": "Авдеева Мария",
        f"relation-{one.id}": "mother",
        f"name-{two.id}": "Бобров Сергей",
    }
    refused = curator.post(address, data=sent)
    assert refused.status_code == 422
    assert 'value="Авдеева Мария"' in refused.text, "what was typed is kept"
    assert {standing(world, person) for person in (one, two, three)} == {Standing.NONE}
    assert curator.post(address, data={**sent, f"relation-{two.id}": "father"}).status_code == 303
    assert [standing(world, person) for person in (one, two, three)] == [
        Standing.REPRESENTATIVE, Standing.REPRESENTATIVE, Standing.NONE,
    ]  # fmt: skip
    empty = {"csrf_token": sent["csrf_token"], "part": "minors", "signed_on": world.day.isoformat()}
    assert curator.post(address, data=empty).status_code == 422


def test_blanks_are_printed_for_those_who_need_one(world, base, curator):
    people = everybody(world)
    page = curator.get(f"{base}consents/blanks?who=taking-part").text
    assert people["minor"].person.name in page
    assert people["own"].person.name not in page
    assert page.count("consents-paper") == 3


# --- texts --------------------------------------------------------------------------------------------------------


def test_a_curator_asks_nobody_again_who_may_be_in_another_course(world, base, curator):
    person = world.person("Авдеев Иван", Role.STUDENT)
    change = f"{base}consents/texts/adult"
    assert "asks_again" not in curator.get(change).text
    assert post(curator, change, change, title="Согласие", text="Текст", asks_again="y").status_code == 303
    assert standing(world, person) is Standing.OWN


def test_a_new_text_asks_again_only_when_the_administrator_says_so(world, base, come_in):
    curator = come_in(world.person("Администратова Анна", Role.ADMIN, consents=False))
    person = world.person("Авдеев Иван", Role.STUDENT)
    address = f"{base}consents/texts/"
    page = text_of(curator.get(address))
    assert "Это не юридическая консультация" in page
    change = f"{base}consents/texts/adult"
    assert "согласен 1 человек" in text_of(curator.get(change))
    assert post(curator, change, change, title="Согласие", text="Текст колледжа").status_code == 303
    assert standing(world, person) is Standing.OWN
    assert post(curator, change, change, title="Согласие", text="Текст 3", asks_again="y").status_code == 303
    assert standing(world, person) is Standing.LAPSED
    page = text_of(curator.get(address))
    assert "Редакция 3" in page
    assert "всех спросили заново" in page
    text = world.session.scalars(
        select(ConsentText).where(ConsentText.audience == Audience.ADULT, ConsentText.version == 2)
    ).one()
    assert "Текст колледжа" in text_of(curator.get(f"{address}{text.id}"))
    refused = post(curator, change, change, title="", text="")
    assert refused.status_code == 422
    same = post(curator, change, change, title="Согласие", text="Текст 3")
    assert same.status_code == 303
    assert len(consents.versions(world.session, world.platform.id, Audience.ADULT)) == 3


def test_texts_are_for_curators_and_administrators(world, base, come_in):
    for role in (Role.STUDENT, Role.TEACHER, Role.EMPLOYER):
        assert come_in(world.person("", role)).get(f"{base}consents/texts/").status_code == 403
        assert come_in(world.person("", role)).get(f"{base}consents/").status_code == 403


def test_a_representatives_paper_ends_on_the_birthday_and_the_record_says_so(world, base, curator):
    grown = world.day.replace(year=world.day.year - 18, day=1)
    person = student(world, birth_date=grown)
    give_consent(world.session, person, date(grown.year + 17, grown.month, 1))
    world.session.commit()
    assert world.session.scalars(select(Consent)).one().way is Way.REPRESENTATIVE
    page = text_of(curator.get(f"{base}people/{person.id}/"))
    assert "нужно новое согласие" in page
    assert "больше не действует" in page


# --- what files have after a withdrawal ---------------------------------------------------------------------------


def saved_rows(curator, address: str, ending: str) -> list[list[str]]:
    """Cells of a saved list as texts, without its heads."""
    data = curator.get(f"{address}.{ending}").data
    if ending == "csv":
        return list(csv.reader(StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))[1:]
    rows = load_workbook(BytesIO(data)).active.iter_rows(min_row=2, values_only=True)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_after_a_withdrawal_the_file_of_consents_has_no_birth_date_and_no_representative(
    world, base, curator, session, ending
):
    person = student(world, "Волков Иван", groups="ГР-2", birth_date=born(world, 16))
    give_consent(session, person, world.day)
    session.commit()
    [before] = [row for row in saved_rows(curator, f"{base}consents/list", ending) if row[0] == "Волков Иван"]
    assert str(person.birth_date.year) in before[2]
    assert before[6:8] == ["Представителева Анна Петровна", "мать"]
    withdraw_consent(session, person, world.day)
    session.commit()
    [after] = [row for row in saved_rows(curator, f"{base}consents/list", ending) if row[0] == "Волков Иван"]
    assert after[:4] == ["Волков Иван", "ГР-2", "", "согласие отозвано"]
    assert after[6:8] == ["", ""]
    assert after[4] == before[4], "when it was given and taken back proves that the processing was lawful"
    assert after[8]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_after_a_withdrawal_the_file_of_missing_birth_dates_has_the_name_and_the_group(
    world, base, curator, session, ending
):
    person = student(world, "Волков Иван", groups="ГР-2", email="volkov@college.example")
    give_consent(session, person, world.day)
    withdraw_consent(session, person, world.day)
    other = student(world, "Гусев Иван", groups="ГР-2", email="gusev@college.example")
    rows = {row[0]: row[1:] for row in saved_rows(curator, f"{base}imports/births/missing", ending)}
    assert rows["Волков Иван"] == ["ГР-2", "", "", ""]
    assert rows["Гусев Иван"] == ["ГР-2", "gusev@college.example", other.moodle_id, ""]
