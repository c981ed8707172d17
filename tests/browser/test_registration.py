"""Registering and registering again as an admin does it: on Moodle's page "Manage tools", in its frame."""

import re

from playwright.sync_api import expect

from lti_service.platforms import service
from tests.browser.conftest import fits, frame_of, press


def test_a_tool_is_registered_and_then_updated_on_moodles_page(page, live, moodle, session):
    def paste(heading):
        code = service.invite(session)
        session.commit()
        page.goto(f"{moodle.issuer}/mod/lti/toolconfigure.php")
        page.get_by_label("URL инструмента").fill(service.registration_address(live, code))
        page.get_by_role("button", name="Добавить LTI Advantage").click()
        frame = frame_of(page)
        if heading == "Подключение обновлено":
            press(frame, frame.get_by_role("row", name=live).get_by_role("button", name="Обновить"))
        frame.wait_for_url(f"{live}/lti/register**")
        expect(frame.get_by_role("heading", name=heading)).to_be_visible()
        fits(frame)
        frame.get_by_role("button", name="Закрыть это окно").click()
        page.wait_for_url(re.compile(r"/toolconfigure\.php$"))

    by_hand = len(moodle.lti.tools)
    paste("Moodle подключён")
    assert len(moodle.lti.tools) == by_hand + 1
    paste("Подключение обновлено")
    assert len(moodle.lti.tools) == by_hand + 1
    session.expire_all()
    assert len(service.all_platforms(session)) == 1
