"""Settings, all in one file, in the order of Django's documentation.

Values come from the environment (or a `.env` file beside manage.py; see `.env.example`).
There are two ways to start. REMIT_LOCAL=1, as `make run` and the tests do, brings a development
key and answers this machine only. Without it this is production, and production refuses to start
unless it is safe.
"""

from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from tzlocal import get_localzone_name

from config import databases

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(env.str("REMIT_ENV_FILE", default=str(BASE_DIR / ".env")))

LOCAL = env.bool("REMIT_LOCAL", default=False)

# --- Core ----------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)

DEVELOPMENT_SECRET_KEY = "development-only-this-key-is-public-and-protects-nothing-at-all"  # noqa: S105
SECRET_KEY = env.str("SECRET_KEY", default=DEVELOPMENT_SECRET_KEY if LOCAL else "")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOOPBACK if LOCAL else [])

if LOCAL:
    if not set(ALLOWED_HOSTS) <= set(LOOPBACK):
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS: with REMIT_LOCAL=1 only this machine is answered "
            f"({', '.join(LOOPBACK)}). Unset REMIT_LOCAL to serve other hosts."
        )
else:
    if SECRET_KEY == DEVELOPMENT_SECRET_KEY or len(SECRET_KEY) < 50:
        raise ImproperlyConfigured(
            "SECRET_KEY: set a secret random string of 50 characters or more. "
            "(To try Remit on this machine only, set REMIT_LOCAL=1 instead.)"
        )
    if any(key == DEVELOPMENT_SECRET_KEY or len(key) < 50 for key in SECRET_KEY_FALLBACKS):
        raise ImproperlyConfigured("SECRET_KEY_FALLBACKS: as secret and as long as SECRET_KEY.")
    if DEBUG:
        raise ImproperlyConfigured("DEBUG: shows patients' data to anybody. Unset it.")
    if not ALLOWED_HOSTS or any(host.strip() in ("*", ".") for host in ALLOWED_HOSTS):
        raise ImproperlyConfigured("ALLOWED_HOSTS: list the host names of this site, without *.")

# What the books and the audit trail are sealed with (docs/decisions/0018): nobody who can write into the
# database alone can seal what they wrote. On a developer's machine it follows from SECRET_KEY.
AUDIT_KEY = env.str("AUDIT_KEY", default=f"audit:{SECRET_KEY}" if LOCAL else "")
AUDIT_KEY_FALLBACKS = env.list("AUDIT_KEY_FALLBACKS", default=[])
if not LOCAL:
    if AUDIT_KEY in (SECRET_KEY, f"audit:{DEVELOPMENT_SECRET_KEY}") or len(AUDIT_KEY) < 50:
        raise ImproperlyConfigured(
            "AUDIT_KEY: set another secret random string of 50 characters or more, and keep it where"
            " the database is not. Without it nobody can tell whether the books were changed."
        )
    if any(len(key) < 50 for key in AUDIT_KEY_FALLBACKS):
        raise ImproperlyConfigured("AUDIT_KEY_FALLBACKS: as secret and as long as AUDIT_KEY.")

CLINIC_NAME = env.str("CLINIC_NAME", default="Your clinic")

INSTALLED_APPS = [
    "config.apps.AdministrationConfig",  # django.contrib.admin, its lists grouped by subject
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "js_lib_bootstrap5",
    "lucide",
    "simple_history",
    "config",
    "patients",
    "billing",
]

MIDDLEWARE = [
    # Its id is on every answer there is, and so is its line in the log.
    "config.tracing.Traced",
    # Headers of every answer there is: of static files, refusals and errors, too.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "config.middleware.NoStore",
    "django.middleware.security.SecurityMiddleware",
    # Static files go out here, before sessions, and may be cached.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before whatever may read the form.
    "config.middleware.StrictFormEncoding",
    "config.middleware.SettingsOnce",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # A view nobody thought about is closed, not open.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.sessions.SessionLimits",
    "config.second_factor.RequireSecondFactor",
    # Nor one that nobody opened to this person's role.
    "config.access.ClosedUnlessOpened",
    "simple_history.middleware.HistoryRequestMiddleware",  # who is changing master data
    "billing.audit.looks.Looks",
    "billing.replica.WroteJustNow",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.DatabaseAway",
    # Last, as its makers ask: turns a locked-out log-in into the 429 page.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["config.templatetags.icons"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.clinic",
                "config.context.sign_in_left",
                "config.access.what_opens",
                "billing.context.nav_counts",
                "billing.context.letter_keys",
            ],
        },
    }
]

# The grid of an insurance payment posts about five fields a line, and a payer may send 500 lines.
# Django's 1,000 would refuse it.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_500
# Text fields of one form, in bytes: the same grid, filled.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
# A few more than a form takes, so that the form can say how many that is.
DATA_UPLOAD_MAX_NUMBER_FILES = 30
FILE_UPLOAD_HANDLERS = [
    "config.uploads.StopAtLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Databases -----------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if database_url := env.str("DATABASE_URL", default=""):
    DATABASES = {
        "default": databases.writable(
            database_url,
            pool_min=env.int("DATABASE_POOL_MIN", default=1),
            pool_max=env.int("DATABASE_POOL_MAX", default=8),
            behind_pgbouncer=env.bool("DATABASE_BEHIND_PGBOUNCER", default=False),
            lock_seconds=env.int("DATABASE_LOCK_SECONDS", default=10),
            statement_seconds=env.int("DATABASE_STATEMENT_SECONDS", default=0),
        )
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env.str("SQLITE_PATH", default=str(BASE_DIR / "db.sqlite3")),
            "CONN_MAX_AGE": None,  # opening the file and setting its pragmas anew costs 1 ms
            "OPTIONS": {
                # A writer waits for another one instead of failing. IMMEDIATE, since a
                # transaction that first reads and then writes cannot wait in SQLite: it fails
                # at once ("database is locked").
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # WAL: readers never wait. FULL: what was confirmed survives a power cut.
                # recursive_triggers: else REPLACE INTO passes by the append-only triggers.
                "init_command": (
                    "PRAGMA journal_mode = WAL;"
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA recursive_triggers = ON;"
                ),
            },
        }
    }

if reports_url := env.str("REPORTS_DATABASE_URL", default=""):
    DATABASES[databases.REPORTS] = databases.replica(reports_url, default=DATABASES["default"])
    DATABASE_ROUTERS = ["billing.replica.Router"]

# --- Caches --------------------------------------------------------------------------------------

# "default" is for what all workers have to know of each other, allauth's: how often somebody signed in
# a minute, and which codes of second factors were used. So on a server it is in the database, in a
# table that `migrate` makes. "worker" is for what each may know by itself: counts and names a minute old.
CACHES = {
    "default": env.cache_url(
        "CACHE_URL", default="locmemcache://" if LOCAL else "dbcache://remit_cache"
    ),
    "worker": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "worker"},
}
if not LOCAL and "dummy" in CACHES["default"]["BACKEND"].lower():
    raise ImproperlyConfigured(
        "CACHE_URL: one that keeps things; guesses at codes are counted there."
    )

# --- HTTP and security ---------------------------------------------------------------------------

PRODUCTION = not LOCAL

# Off where a proxy in front does the redirecting.
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # probes come by plain http
# Only behind a proxy that always sets this header itself; else anybody could claim https.
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
if PRODUCTION and not (SECURE_SSL_REDIRECT or BEHIND_TLS_PROXY):
    raise ImproperlyConfigured(
        "SECURE_SSL_REDIRECT: off only behind a proxy that does TLS (BEHIND_TLS_PROXY=1)."
    )
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # So that log-in limits count the client's address, not the proxy's.
    ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=1)
    if ALLAUTH_TRUSTED_PROXY_COUNT < 1:
        raise ImproperlyConfigured("TRUSTED_PROXY_COUNT: 1 at least, or all desks are one address.")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

if PRODUCTION and any(not origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS):
    raise ImproperlyConfigured("CSRF_TRUSTED_ORIGINS: https:// only; forms hold patients' data.")

SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=PRODUCTION)
if PRODUCTION and SECURE_HSTS_SECONDS < 3600:
    raise ImproperlyConfigured(
        "SECURE_HSTS_SECONDS: an hour at least, or browsers may be led to this site without https."
    )
# Preloading (W021) binds the whole domain for years: its owner's decision, not this app's.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Only files of our own. No inline script or style anywhere, in our pages and in the admin's.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# What a page may ask of the browser, in any frame: none of these.
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in (
        "accelerometer", "camera", "display-capture", "fullscreen", "geolocation", "gyroscope",
        "magnetometer", "microphone", "midi", "payment", "usb",
    )
}  # fmt: skip

# __Host- makes the browser itself refuse a cookie that is not Secure, or that another host set.
COOKIE_PREFIX = "__Host-" if PRODUCTION else ""
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True  # htmx sends the token that base.html hands it

# --- Sessions ------------------------------------------------------------------------------------

SESSION_ENGINE = "config.session_store"  # in the database, each with whose it is
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# A working day at the desk, and some minutes without anybody there (config/sessions.py).
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 60 * 60
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_MINUTES", default=15) * 60
if not 0 < SESSION_COOKIE_AGE <= 24 * 60 * 60:
    raise ImproperlyConfigured("SESSION_HOURS: from 1 to 24; after that one signs in again.")
if not 0 < SESSION_IDLE_SECONDS <= 60 * 60:
    raise ImproperlyConfigured("SESSION_IDLE_MINUTES: from 1 to 60; a desk is left alone sooner.")

# Django's own would put "Registered Smith, John" readable into a cookie.
MESSAGE_STORAGE = "config.notices.SealedMessages"

# --- Accounts ------------------------------------------------------------------------------------

# Axes only ever says no: to somebody who is locked out, before any password is looked at.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "config.auth.DeskBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "config.passwords.NoHouseWords"},
]
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60  # of the link an administrator hands over
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

# allauth: log-in by user name, accounts are made by an administrator.
ACCOUNT_ADAPTER = "config.accounts.ClosedSignup"
ACCOUNT_FORMS = {"login": "config.signing_in.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False  # no "remember me" on a shared front-desk computer
# A whole clinic shares one address and logs in at eight o'clock.
ACCOUNT_RATE_LIMITS = {"login": "120/m/ip", "login_failed": "30/m/ip,10/300s/key"}

# A name is locked at one address after five wrong passwords, for a quarter of an hour or until an
# administrator unlocks it. In the database: for all workers, and over a restart.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the quarter of an hour is a promise
AXES_USERNAME_CALLABLE = "config.accounts.typed_name"
AXES_CLIENT_IP_CALLABLE = "config.accounts.client_ip"
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_ENABLE_ADMIN = False  # config/admin/sign_ins.py has pages of our own
AXES_VERBOSE = False

# The second factor: codes from an app on the phone, and codes on paper for the day it is lost.
# Who has to have one (config/second_factor.py).
SECOND_FACTOR_FOR = env.str("SECOND_FACTOR_FOR", default="nobody" if LOCAL else "everybody")
if SECOND_FACTOR_FOR not in ("everybody", "administrators", "nobody"):
    raise ImproperlyConfigured("SECOND_FACTOR_FOR: everybody, administrators or nobody.")
if PRODUCTION and SECOND_FACTOR_FOR == "nobody":
    raise ImproperlyConfigured(
        "SECOND_FACTOR_FOR: administrators at least; a stolen password must not open patients'"
        " records."
    )
MFA_ADAPTER = "config.second_factor.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "config.passkeys.AddPasskey",
    "edit_webauthn": "config.passkeys.RenamePasskey",
    "authenticate_webauthn": "config.passkeys.UsePasskey",
    "reauthenticate_webauthn": "config.passkeys.ConfirmByPasskey",
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL  # browsers themselves allow it on this machine only
MFA_TOTP_TOLERANCE = 1  # half a minute: phones' clocks differ, and fingers are slow

# --- Language and time ---------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
# "Today" at the desk: a server that stands elsewhere than the clinic has to be told.
TIME_ZONE = env.str("TIME_ZONE", default=get_localzone_name() or "UTC")

# --- Logging -------------------------------------------------------------------------------------

# To stderr; whoever runs the server keeps it. Paths hold chart numbers, never names.
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if PRODUCTION and LOG_LEVEL not in ("INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(
        "LOG_LEVEL: INFO, WARNING, ERROR or CRITICAL; more would quote what pages hold."
    )
LOG_FORMAT = env.str("LOG_FORMAT", default="line" if LOCAL else "json")
if LOG_FORMAT not in ("json", "line"):
    raise ImproperlyConfigured("LOG_FORMAT: json, for programs, or line, for people.")
# What takes longer, in milliseconds, is a warning (config/tracing.py).
SLOW_QUERY_MS = env.int("SLOW_QUERY_MS", default=500)
SLOW_REQUEST_MS = env.int("SLOW_REQUEST_MS", default=2_000)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "config.logs.Json"},
        "line": {
            # An exception's text may quote a patient, so only a developer's machine shows it.
            "()": "logging.Formatter" if LOCAL else "config.logs.WithoutPersonalData",
            "format": "{asctime} {levelname} {name}: {message}{who}",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            "style": "{",
        },
    },
    "filters": {
        "who": {"()": "config.logs.WhoAsked"},
        "searches": {"()": "config.logs.WithoutSearches"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["who"]}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # Django mails errors to ADMINS by default; mail is not the place for them.
    "loggers": {
        "django": {"handlers": ["stderr"], "propagate": False},
        "axes": {"level": "WARNING"},  # four lines for each sign-in, which is on record already
        "gunicorn.error": {"handlers": ["stderr"], "filters": ["searches"], "propagate": False},
    },
}

# Figures for Prometheus at /metrics, to whoever sends this token (config/metrics.py). Without one
# there is no such address.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 32:
    raise ImproperlyConfigured("METRICS_TOKEN: a random string of 32 characters or more, or none.")

# --- Static files --------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # The hash in each name lets browsers keep a file for ever.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

WHITENOISE_ALLOW_ALL_ORIGINS = False  # nobody else's page has a use for them

# --- Forms and tables ----------------------------------------------------------------------------

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "parts/table.html"
