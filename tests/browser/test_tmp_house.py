import pytest, urllib.request
pytestmark = pytest.mark.django_db(transaction=True)
def test_admin(live_server, page, no_surprises, admin_user):
    page.goto(live_server.url + "/admin/")
    page.get_by_label("Username").fill("admin"); page.get_by_label("Password").fill("password"); page.locator("main form button, form button").last.click()
    page.wait_for_url("**/admin/")
    for u in ["/admin/", "/admin/auth/user/", "/admin/auth/user/add/", "/admin/auth/user/1/change/", "/accounts/password/change/", "/healthz", "/accounts/logout/"]:
        page.goto(live_server.url + u); page.wait_for_load_state("networkidle")
    page.screenshot(path="/tmp/pc/shot.png")
@pytest.mark.xfail(strict=True)
def test_catches(live_server, page, no_surprises):
    page.goto(live_server.url + "/healthz")
    page.evaluate("console.error('boo')")
    no_surprises.assert_none()
@pytest.mark.xfail(strict=True)
def test_catches_host(live_server, page, no_surprises):
    page.goto(live_server.url + "/healthz")
    page.evaluate("fetch('http://127.0.0.1:1/x').catch(()=>0)")
    page.wait_for_timeout(300)
    no_surprises.expect("console")
    no_surprises.assert_none()
def test_after_flush(live_server, db):
    from billing import guards
    from django.db import connection
    assert guards.missing(connection) == []
