"""Every error we raise, as one tree. Messages name the value and what would be right; none knows of HTTP."""


class ShanchengError(Exception):
    """Base of everything a caller can act on."""


class InputError(ShanchengError):
    """Something that the user gave cannot be used."""


class SourceFileError(InputError):
    """A source file is missing, truncated, empty or of another kind than stated."""


class UnknownCRSError(InputError):
    """A coordinate reference system is missing or not known."""


class CoverageError(InputError):
    """A data set does not cover the area that it has to cover."""


class BoundsError(InputError):
    """Bounds are empty, reversed or outside longitude and latitude."""


class SettingError(InputError):
    """An option or setting has a value outside what is allowed."""


class CityError(ShanchengError):
    """A city folder cannot be used as asked."""


class NotACityError(CityError):
    """The folder is missing or holds no city.toml that can be read."""


class CityExistsError(CityError):
    """A city of that name exists and was made from other arguments."""


class NewerSchemaError(CityError):
    """The folder was written by a newer version of Shancheng."""


class OlderSchemaError(CityError):
    """The folder was written by an older version of Shancheng, whose cities are made anew."""


class CityLockedError(CityError):
    """Another process owns the city."""


class LayerSchemaError(CityError):
    """A layer's table has other columns or types than its schema."""


class LayerChangedError(CityError):
    """A layer's file was changed behind our back and cannot be adopted."""


class NotFoundError(ShanchengError):
    """No object has that id."""


class IdError(InputError):
    """An id has another form than `urn:shancheng:<city>:<layer>:<local id>`."""


class StorageError(ShanchengError):
    """The disk refused to read or write."""


class DiskFullError(StorageError):
    """Not enough free space for what is about to be written."""


class TilesError(ShanchengError):
    """Tiles cannot be made or read."""


class ServeError(ShanchengError):
    """The server cannot start."""


class PortInUseError(ServeError):
    """Another program listens on the port."""


class DownloadError(ShanchengError):
    """Open data cannot be downloaded."""


class MissingDownloadError(DownloadError):
    """The publisher has no such file."""
