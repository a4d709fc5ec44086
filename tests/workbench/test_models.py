import pytest

from workbench.models import ApiToken, User, hash_token


@pytest.mark.django_db
def test_a_token_is_kept_as_a_hash_only() -> None:
    user = User.objects.create_user("ann", "ann@example.org", "long enough password")
    row, secret = ApiToken.mint(user, "laptop")
    assert row.token_hash == hash_token(secret)
    assert secret not in str(ApiToken.objects.values().get())
