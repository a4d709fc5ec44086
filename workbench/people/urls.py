"""Addresses of logging in, of a person's own pages, and of the management of people."""

from django.contrib.auth import views as auth_views
from django.urls import path

from workbench.people import account, signin

urlpatterns = [
    # Coming and going
    path("login/", signin.Login.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("language/", signin.choose_language, name="set_language"),
    path("password/forgotten/", auth_views.PasswordResetView.as_view(), name="password_reset"),
    path("password/forgotten/sent/", auth_views.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "password/new/<uidb64>/<token>/",
        auth_views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path(
        "password/new/done/", auth_views.PasswordResetCompleteView.as_view(), name="password_reset_complete"
    ),
    # One's own
    path("account/", account.account, name="account"),
    path("account/tokens/", account.token_create, name="token_create"),
    path("account/tokens/<int:pk>/revoke/", account.token_revoke, name="token_revoke"),
    path("account/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("account/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("notices/", account.notices, name="notices"),
    path("notices/read/", account.notices_read, name="notices_read"),
]
