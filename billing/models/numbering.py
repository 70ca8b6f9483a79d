"""Document numbers: INV-1042, R-2207, IP-0318, DOC-0001, J-0001."""

from django.db import connection, models


class NumberSeries(models.Model):
    """One running number. A number taken in a transaction that fails is given again.

    The row stays locked until the transaction ends, which is what leaves no gap; every verb takes
    its number after all its other locks, so that two desks never wait for each other in a circle.
    """

    prefix = models.CharField(max_length=6, primary_key=True)
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name_plural = "number series"

    def __str__(self) -> str:
        return f"{self.prefix}-{self.next_number:04d}"


INVOICE, RECEIPT, INSURANCE, TRANSFER, DEPOSIT = "INV", "R", "IP", "T", "D"
DOCUMENT, STATEMENTS, JOURNAL = "DOC", "ST", "J"


def take_number(prefix: str) -> str:
    """The next number of a series; a new series begins at 1."""
    return take_numbers(prefix, 1)[0]


def take_numbers(prefix: str, count: int) -> list[str]:
    """So many numbers that follow one another, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_numberseries (prefix, next_number) VALUES (%s, 1 + %s)"
            " ON CONFLICT (prefix) DO UPDATE"
            " SET next_number = billing_numberseries.next_number + %s"
            " RETURNING next_number",
            [prefix, count, count],
        )
        end = cursor.fetchone()[0]
    return [f"{prefix}-{number:04d}" for number in range(end - count, end)]
