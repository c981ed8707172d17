"""Files that are kept about a person are taken along with the rest: scans of consents, one's own and nobody else's."""

import json
from datetime import timedelta
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.people.consents.models import Consent
from lti_service.people.privacy import exports
from tests.people.test_consents_pages import post

PDF = b"%PDF-1.4\n1 0 obj\nher own paper\n%%EOF"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR her own picture"
OTHERS = b"%PDF-1.4\n1 0 obj\nsomebody else's paper\n%%EOF"


@pytest.fixture
def base(world):
    return f"/courses/{world.course.id}/"


@pytest.fixture
def person(world):
    return world.person("Борисова Анна", Role.STUDENT, consents=False, birth_date=world.day.replace(year=2000))


@pytest.fixture
def record(world, base, come_in):
    """`record(person, scan)`: a curator records a paper with its scan."""
    curator = come_in(world.curator)

    def with_scan(whose, content: bytes, days: int = 3) -> Consent:
        new = f"{base}people/{whose.id}/consents/new"
        values = {"way": "paper", "signed_on": (world.day - timedelta(days=days)).isoformat()}
        assert post(curator, new, new, **values, scan=(BytesIO(content), "скан.pdf")).status_code == 303
        world.session.rollback()
        wanted = select(Consent).where(Consent.person_id == whose.id).order_by(Consent.id.desc())
        return world.session.scalars(wanted).first()

    return with_scan


def names_in(archive: ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith("files/"))


def taken(client, base) -> ZipFile:
    response = client.get(f"{base}my-data.zip")
    assert response.status_code == 200
    assert response.content_type == "application/zip"
    assert response.headers["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    assert response.headers["Cache-Control"] == "no-store"
    return ZipFile(BytesIO(response.data))


def test_scans_of_ones_consents_are_in_the_archive_with_the_rest(world, base, person, record, come_in):
    first, second = record(person, PDF, days=5), record(person, PNG)
    other = world.person("Воробьёв Лев", Role.STUDENT, consents=False, birth_date=world.day.replace(year=2000))
    record(other, OTHERS)
    client = come_in(person, "en")
    assert "Save all with the scans (ZIP)" in client.get(f"{base}my-data/").text
    archive = taken(client, base)
    assert archive.testzip() is None
    assert {archive.read(name) for name in names_in(archive)} == {PDF, PNG}
    names = [f"consent-{one.given_on}-{one.id}.{kind}" for one, kind in ((first, "pdf"), (second, "png"))]
    assert names_in(archive) == sorted(f"files/{name}" for name in names)
    assert {archive.getinfo(name).compress_type for name in names_in(archive)} == {ZIP_STORED}
    told = json.loads(archive.read("my-data.json"))
    assert [file["name"] for file in told["files"]] == names
    assert told["kept"] == json.loads(client.get(f"{base}my-data.json").data)["kept"]
    book = load_workbook(BytesIO(archive.read("my-data.xlsx")))
    cells = [cell for row in book.active.iter_rows(values_only=True) for cell in row]
    assert told["files"][0]["name"] in cells
    assert first.scan not in str(told) + str(cells), "the name of our own file is nobody's matter"


def test_the_trail_says_that_it_was_taken(world, base, person, record, come_in):
    record(person, PDF)
    taken(come_in(person), base)
    world.session.rollback()
    event = world.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.data-taken")).one()
    assert (event.actor_id, event.details) == (person.id, {"kind": "zip"})


def test_a_scan_whose_file_is_lost_does_not_stand_in_the_way(world, base, person, record, come_in, app):
    record(person, PDF, days=5)
    lost = record(person, PNG)
    (app.extensions["settings"].scans_path / lost.scan).unlink()
    archive = taken(come_in(person), base)
    assert [archive.read(name) for name in names_in(archive)] == [PDF]


def test_without_scans_there_is_no_word_of_them(base, person, come_in):
    client = come_in(person, "en")
    assert "my-data.zip" not in client.get(f"{base}my-data/").text
    assert sorted(taken(client, base).namelist()) == ["my-data.json", "my-data.xlsx"]


def test_what_is_too_much_for_one_archive_is_named_in_it(base, person, record, come_in, monkeypatch):
    record(person, PDF, days=5)
    record(person, OTHERS)
    monkeypatch.setattr(exports, "LARGEST_ARCHIVE", len(PDF))
    archive = taken(come_in(person, "en"), base)
    assert [archive.read(name) for name in names_in(archive)] == [PDF]
    files = json.loads(archive.read("my-data.json"))["files"]
    assert [file["in_archive"] for file in files] == [True, False]
    book = load_workbook(BytesIO(archive.read("my-data.xlsx")))
    cells = [str(cell) for row in book.active.iter_rows(values_only=True) for cell in row]
    assert f"{files[1]['name']}: too large for one archive, ask the curator" in cells


def test_a_large_archive_lies_on_the_disk_and_is_sent_in_pieces(base, person, record, come_in, monkeypatch):
    large = b"%PDF-1.4\n" + bytes(200_000)
    record(person, large)
    monkeypatch.setattr(exports, "IN_MEMORY", 1000)
    monkeypatch.setattr(exports, "PIECE", 10_000)
    made = []
    archive_of = exports.archive
    monkeypatch.setattr(exports, "archive", lambda own: made.append(archive_of(own)) or made[-1])
    response = come_in(person).get(f"{base}my-data.zip", buffered=False)
    assert made[0]._rolled, "it lies on the disk"
    pieces = list(response.response)
    assert made[0].closed
    assert int(response.headers["Content-Length"]) == sum(map(len, pieces))
    assert len(pieces) > 10
    archive = ZipFile(BytesIO(b"".join(pieces)))
    assert [archive.read(name) for name in names_in(archive)] == [large]


def test_an_archive_of_the_erased_has_nothing_left_of_them(world, base, person, record, come_in, app):
    record(person, PDF)
    client = come_in(person)
    ask = f"{base}my-data/erasure"
    assert post(client, ask, ask).status_code == 303
    admin = come_in(world.person("Админов Иван", Role.ADMIN))
    listed = admin.get(f"{base}personal-data/").text
    one = listed[listed.index(f"{base}personal-data/requests/") :].partition('"')[0]
    assert post(admin, one, f"{one}erase", sure="yes").status_code == 303
    assert list(app.extensions["settings"].scans_path.iterdir()) == []
