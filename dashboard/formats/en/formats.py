"""How the back office writes days and times wherever Django chooses the form: as our own pages do."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
