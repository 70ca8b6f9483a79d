"""The three kinds of file a newcomer brings, in the order in which they are imported."""

from billing.imports.fees import FeesJob
from billing.imports.job import Job
from billing.imports.opening import OpeningJob
from billing.imports.patients import PatientsJob

KINDS: dict[str, type[Job]] = {job.slug: job for job in (PatientsJob, FeesJob, OpeningJob)}
