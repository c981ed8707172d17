"""What cannot be done with a file, each with a code and a sentence that says what to do."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class FileError(PeopleError):
    """The file cannot be read, or not as what it was given for."""

    field = "file"


class NoFileError(FileError):
    """Nothing was chosen."""

    code = "no-file"
    message = _l("Choose a file.")


class FileTooBigError(FileError):
    """More bytes than we take."""

    code = "file-too-big"
    status = 413
    message = _l("The file is larger than %(most)s MB. Divide it into several.")


class TooManyRowsError(FileError):
    """More rows than we take at once."""

    code = "too-many-rows"
    message = _l("There are more than %(most)s rows in the file. Divide it into several.")


class TooManyColumnsError(FileError):
    """A table so wide that it cannot be what was asked for."""

    code = "too-many-columns"
    message = _l("There are more than %(most)s columns in the file. Leave only those of the template.")


class CellTooLongError(FileError):
    """A cell with a novel in it, most likely an unclosed quotation mark."""

    code = "cell-too-long"
    message = _l("The cell in row %(row)s, column %(column)s holds more than %(most)s characters.")


class EmptyFileError(FileError):
    """No rows at all, or only the names of columns."""

    code = "file-empty"
    message = _l("There is no row with data in the file.")


class NotATableError(FileError):
    """Neither XLSX nor text."""

    code = "not-a-table"
    message = _l("This is not a table in XLSX or CSV. Open it in Excel and save it as “Excel workbook (*.xlsx)”.")


class OldExcelError(FileError):
    """The format of Excel before 2007, or a binary workbook."""

    code = "old-excel"
    message = _l("This is an older format of Excel. Open it and save it as “Excel workbook (*.xlsx)”.")


class OpenDocumentError(FileError):
    """A table of LibreOffice."""

    code = "open-document"
    message = _l("This is an OpenDocument file. Open it and save it as “Excel workbook (*.xlsx)”.")


class PasswordError(FileError):
    """Encrypted."""

    code = "file-has-password"
    message = _l("The file is protected with a password. Take the password away and save it again.")


class MacroError(FileError):
    """A workbook with a program in it."""

    code = "file-has-macros"
    message = _l("There are macros in the file. Save it as “Excel workbook (*.xlsx)”, without them.")


class FormulaError(FileError):
    """A cell computes its value."""

    code = "file-has-formulas"
    message = _l("There is a formula in the cell %(cell)s. Copy the column and paste it back as values.")


class UnpacksTooBigError(FileError):
    """What a zip bomb does, and a sheet formatted down to its last row."""

    code = "unpacks-too-big"
    message = _l("Unpacked, the file is too large. Copy the rows into a new workbook and save that.")


class DamagedFileError(FileError):
    """It says that it is XLSX, but cannot be read as such."""

    code = "file-damaged"
    message = _l("The file is damaged: it cannot be read. Open it in Excel and save it again.")


class EncodingError(FileError):
    """Letters that nobody can read."""

    code = "encoding"
    message = _l(
        "Line %(line)s of the file cannot be read as %(encoding)s text. Save the file as “CSV UTF-8”, or as XLSX."
    )


class MixedEncodingsError(FileError):
    """Some lines are written in one encoding, some in another."""

    code = "mixed-encodings"
    message = _l(
        "Line %(line)s is in %(encoding)s, and the other lines of the file are in %(other)s. Save the whole file in "
        "one encoding: as “CSV UTF-8”, or as XLSX."
    )


class CsvError(FileError):
    """Quotation marks that do not fit together."""

    code = "csv-broken"
    message = _l("From line %(line)s on the file cannot be divided into cells: a quotation mark is not closed.")


class ColumnsMissingError(FileError):
    """Columns that are needed are not there."""

    code = "columns-missing"
    message = _l("Columns that are missing: %(missing)s. Columns that were found: %(found)s.")


class ColumnTwiceError(FileError):
    """Two columns say the same."""

    code = "column-twice"
    message = _l("The column “%(column)s” is in the file twice.")


class NotCorrectionsError(FileError):
    """Corrections of rows that the file they belong to does not have."""

    code = "not-corrections"
    message = _l("There is no row %(rows)s in the file that was checked. Load corrections by the saved wrong rows.")


class PreviewError(PeopleError):
    """A preview cannot be applied as it stands."""

    status = 409


class RowsWrongError(PreviewError):
    """All or nothing, and some rows are wrong."""

    code = "rows-wrong"
    message = _l("Nothing was applied: some rows are wrong. Correct them, or leave them out.")


class MovedMeanwhileError(PreviewError):
    """What the preview shows is no longer what would happen."""

    code = "moved-meanwhile"
    message = _l(
        "Nothing was applied: meanwhile something has changed in the bases. The rows concerned are marked; look at "
        "them and apply once more."
    )


class PreviewClosedError(PreviewError):
    """It was applied, thrown away or has expired."""

    code = "preview-closed"
    message = _l("This check is closed: the file was applied already, or thrown away.")


class NothingToApplyError(PreviewError):
    """Every row is as it is already."""

    code = "nothing-to-apply"
    message = _l("There is nothing to apply: everything is so already.")
