"""Addresses of logging in, of a person's own pages, and of the management of people."""

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.urls import path

from workbench.people import account, audit_page, signin, views

MAIL_FOLDER = settings.EMAIL_FILE_PATH if settings.EMAIL_BACKEND.endswith(".filebased.EmailBackend") else ""

urlpatterns = [
    # Coming and going
    path("login/", signin.Login.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("language/", signin.choose_language, name="set_language"),
    path("password/forgotten/", signin.PasswordReset.as_view(), name="password_reset"),
    path(
        "password/forgotten/sent/",
        auth_views.PasswordResetDoneView.as_view(extra_context={"mail_folder": MAIL_FOLDER}),
        name="password_reset_done",
    ),
    path(
        "password/new/<uidb64>/<token>/",
        auth_views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path(
        "password/new/done/", auth_views.PasswordResetCompleteView.as_view(), name="password_reset_complete"
    ),
    path("invitation/<str:secret>/", views.invitation_accept, name="invitation_accept"),
    # One's own
    path("account/", account.account, name="account"),
    path("account/tokens/", account.token_create, name="token_create"),
    path("account/tokens/<int:pk>/revoke/", account.token_revoke, name="token_revoke"),
    path("account/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("account/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("notices/", account.notices, name="notices"),
    path("notices/read/", account.notices_read, name="notices_read"),
    # For managers
    path("people/", views.people, name="people"),
    path("people/invite/", views.invite, name="invite"),
    path("people/import/", views.people_import, name="people_import"),
    path("people/invitations/<int:pk>/renew/", views.invitation_renew, name="invitation_renew"),
    path("people/invitations/<int:pk>/withdraw/", views.invitation_withdraw, name="invitation_withdraw"),
    path("people/<int:pk>/role/", views.person_role, name="person_role"),
    path("people/<int:pk>/deactivate/", views.person_deactivate, name="person_deactivate"),
    path("people/<int:pk>/reactivate/", views.person_reactivate, name="person_reactivate"),
    path("people/<int:pk>/erase/", views.person_erase, name="person_erase"),
    path("audit/", audit_page.audit_trail, name="audit"),
]
