import inspect

import pytest

from shancheng import errors
from shancheng.web.errors import CODES, STATUS_OF, error_body, status_of

OURS = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.ShanchengError)
]


@pytest.mark.parametrize("cls", OURS)
def test_every_error_has_a_status_with_a_code(cls: type[errors.ShanchengError]) -> None:
    assert int(status_of(cls("x"))) in CODES


@pytest.mark.parametrize(
    ("cls", "status"),
    [
        (errors.NotFoundError, 404),
        (errors.IdError, 404),
        (errors.SettingError, 400),
        (errors.CityLockedError, 409),
        (errors.NewerSchemaError, 500),
        (errors.DiskFullError, 507),
        (errors.StorageError, 500),
        (errors.TilesError, 503),
        (errors.ShanchengError, 500),
    ],
)
def test_the_nearest_class_decides(cls: type[errors.ShanchengError], status: int) -> None:
    assert status_of(cls("x")) == status


def test_a_new_error_below_a_known_one_takes_its_status() -> None:
    class NewerError(errors.TilesError):
        pass

    assert status_of(NewerError("x")) == STATUS_OF[errors.TilesError]


def test_codes_are_words() -> None:
    assert error_body(404, "山") == '{"error":{"code":"not_found","message":"山"}}'.encode()
    assert error_body(418, "x") == b'{"error":{"code":"http_418","message":"x"}}'
