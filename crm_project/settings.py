"""Django settings. All environment variables are read here; an invalid one stops the start with a message.

The environment overrides the file ``.env`` in the project folder (``ENV_FILE`` is the path of another, or empty for
none). ``.env.example`` describes each variable; a test compares the two.
"""

import logging
import os
import re
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, EnvValidationError, validate
from jwt.warnings import InsecureKeyLengthWarning

from crm_project import database_url, email_url, environment, secrets, storage_url
from crm_project.environment import parsing
from crm_project.operations import exposure
from crm_project.phone_numbers import CALLING_CODES

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
if env_file := env.str("ENV_FILE", str(BASE_DIR / ".env")):
    if "ENV_FILE" in os.environ and not Path(env_file).exists():
        raise ImproperlyConfigured(f'Environment variable "ENV_FILE" invalid: there is no file {env_file}')
    env.read_env(env_file, recurse=False, override=False)

between = validate.Range
currency = validate.Regexp("[A-Z]{3}$", error="it is not a code of three letters such as USD")
second_factor_choice = validate.OneOf(["", "nobody", "managers", "staff"], error="it is not nobody, managers or staff")
time_zone = validate.OneOf(available_timezones(), error="it is not the name of a time zone such as America/Chicago")
country = validate.OneOf(CALLING_CODES, error="it is not a country of two letters such as US")
# How the back office writes days, by the name of the form in DATE_FORMAT, in Django's letters.
DATE_FORMATS = {
    "D MMM YYYY": "j M Y",
    "MMM D, YYYY": "M j, Y",
    "DD/MM/YYYY": "d/m/Y",
    "MM/DD/YYYY": "m/d/Y",
    "DD.MM.YYYY": "d.m.Y",
    "YYYY-MM-DD": "Y-m-d",
}

try:
    DEBUG = env.bool("DEBUG", False)
    HOST = env.str("HOST", "127.0.0.1", validate=validate.Length(min=1))
    PORT = env.int("PORT", 8000, validate=between(min=0, max=65535))
    WORKERS = env.int("WORKERS", 0, validate=between(min=0, max=64))  # 0: one per core, at most 4
    THREADS = env.int("THREADS", 4, validate=between(min=1, max=64))
    DRAIN_SECONDS = env.int("DRAIN_SECONDS", 0, validate=between(min=0, max=300))
    SECRET_KEY = env.str("SECRET_KEY")
    SECRET_KEY_FALLBACKS = environment.items(env.str("SECRET_KEY_FALLBACKS", ""))
    ALGORITHM = env.str("ALGORITHM", "HS256", validate=validate.OneOf(["HS256", "HS384", "HS512"]))
    ACCESS_TOKEN_EXPIRE_MINUTES = env.int("ACCESS_TOKEN_EXPIRE_MINUTES", 1440, validate=between(min=1, max=5_256_000))
    REFRESH_TOKEN_EXPIRE_DAYS = env.int("REFRESH_TOKEN_EXPIRE_DAYS", 30, validate=between(min=1, max=3650))
    CORS_ORIGINS = env.str("CORS_ORIGINS", "http://localhost:5173,http://localhost:3000")
    TRUSTED_PROXIES = env.str("TRUSTED_PROXIES", "")
    registration = env.str("REGISTRATION_OPEN", None)
    REQUIRE_SECOND_FACTOR = env.str("REQUIRE_SECOND_FACTOR", "", validate=second_factor_choice)
    REGISTRATION_LIMIT = env.int("REGISTRATION_LIMIT", 60, validate=between(min=0))
    PASSWORD_POLICY = env.str("PASSWORD_POLICY", "contract", validate=validate.OneOf(["contract", "strict"]))
    EMAIL_URL = env.str("EMAIL_URL", "")
    EMAIL_FROM = env.str("EMAIL_FROM", "")
    SITE_URL = env.str("SITE_URL", "")
    REMIND_HOUR = env.int("REMIND_HOUR", 7, validate=between(min=0, max=23))
    RUN_JOBS = env.bool("RUN_JOBS", True)
    MIGRATE = env.bool("MIGRATE", True)
    BULK_MAX_ROWS = env.int("BULK_MAX_ROWS", 10_000, validate=between(min=1))
    BODY_MAX_BYTES = env.int("BODY_MAX_BYTES", 16 * 2**20, validate=between(min=1024))
    HTTPS = env.bool("HTTPS", False)
    SESSION_HOURS = env.int("SESSION_HOURS", 12, validate=between(min=1, max=720))
    SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", 60, validate=between(min=1, max=43_200))
    ACCESS_LOG = env.bool("ACCESS_LOG", not DEBUG)
    SLOW_MS = env.int("SLOW_MS", 0, validate=between(min=0))  # 0: slow requests are not logged apart
    METRICS_ALLOW = env.str("METRICS_ALLOW", "")
    STORAGE_URL = env.str("STORAGE_URL", "")
    DATABASE_URL = env.str("DATABASE_URL", "sqlite:///app.db")
    DIRECT_DATABASE_URL = env.str("DIRECT_DATABASE_URL", "")
    DATABASE_REPLICA_URL = env.str("DATABASE_REPLICA_URL", "")
    REPLICA_MAX_LAG = env.int("REPLICA_MAX_LAG", 10, validate=between(min=0, max=3600))  # seconds
    MIGRATE_TIMEOUT = env.int("MIGRATE_TIMEOUT", 600, validate=between(min=0, max=86_400))  # seconds
    TIME_ZONE = env.str("TIME_ZONE", "UTC", validate=time_zone)
    DATE_FORMAT = DATE_FORMATS[
        env.str("DATE_FORMAT", "D MMM YYYY", validate=validate.OneOf(DATE_FORMATS))
    ]  # in Django's form; of the back office
    CURRENCY = env.str("CURRENCY", "USD", validate=currency)
    PHONE_REGION = env.str("PHONE_REGION", "US", validate=country)
except EnvValidationError as error:
    named = str(error).partition(" invalid: ")[0]
    raise ImproperlyConfigured(f"{named} invalid: {'; '.join(error.error_messages)}") from None
except EnvError as error:
    hint = "; `make run` writes a file .env with one" if "SECRET_KEY" in str(error) else ""
    raise ImproperlyConfigured(f"{error}{hint}") from None

with parsing("DATABASE_URL"):
    REQUEST_DATABASE = database_url.parse(DATABASE_URL, BASE_DIR)
with parsing("DIRECT_DATABASE_URL"):
    DIRECT_DATABASE = database_url.for_commands(REQUEST_DATABASE, DIRECT_DATABASE_URL, BASE_DIR)
    DATABASES = {"default": {**DIRECT_DATABASE}}  # crm_project/wsgi.py makes it REQUEST_DATABASE
with parsing("DATABASE_REPLICA_URL"):
    if DATABASE_REPLICA_URL:
        DATABASES["replica"] = database_url.parse_replica(DATABASE_REPLICA_URL, DATABASES["default"])
        DATABASE_ROUTERS = ["crm_project.db.replica.ReplicaRouter"]
with parsing("EMAIL_URL"):
    mail = email_url.parse(EMAIL_URL)
with parsing("STORAGE_URL"):
    storage = storage_url.parse(STORAGE_URL)
with parsing("EMAIL_FROM"):
    if EMAIL_URL and not re.fullmatch(r"[^@\r\n]+@[^@\s]+", EMAIL_FROM):
        raise ValueError("with EMAIL_URL it must be an email address")
with parsing("CORS_ORIGINS"):
    CORS_ALLOWED_ORIGINS = environment.origins(CORS_ORIGINS)
with parsing("CORS_HEADERS"):
    CORS_HEADERS = environment.header_names(env.str("CORS_HEADERS", ""))
with parsing("ALLOWED_HOSTS"):
    ALLOWED_HOSTS = environment.host_names(env.str("ALLOWED_HOSTS", ""))
with parsing("TRUSTED_PROXIES"):
    TRUSTED_NETWORKS = environment.networks(TRUSTED_PROXIES)
with parsing("METRICS_ALLOW"):
    METRICS_NETWORKS = environment.networks(METRICS_ALLOW)
with parsing("SITE_URL"):
    SITE_URL = environment.site_url(SITE_URL)
with parsing("SECRET_KEY"):
    if not SECRET_KEY.strip():
        raise ValueError("it is empty")
# Who may create an account: anybody, anybody with a manager's approval, or nobody.
REGISTRATION_SET = registration is not None
REGISTRATION_APPROVAL = (registration or "").strip().lower() == "approval"
with parsing("REGISTRATION_OPEN"):
    try:
        REGISTRATION_OPEN = REGISTRATION_APPROVAL or env.bool("REGISTRATION_OPEN", True)
    except EnvError:
        raise ValueError("it is not true, false or approval") from None

WEAK_KEYS = ["SECRET_KEY"] if secrets.is_weak(SECRET_KEY) else []
WEAK_KEYS += ["SECRET_KEY_FALLBACKS"] if any(secrets.is_weak(key) for key in SECRET_KEY_FALLBACKS) else []
reachable_because = exposure.reachable_because(
    host=HOST, https=HTTPS, trusted_proxies=TRUSTED_NETWORKS, allowed_hosts=ALLOWED_HOSTS
)
if unsafe_setting := exposure.unsafe_setting(
    reachable_because, weak_keys=WEAK_KEYS, debug=DEBUG, registration_set=REGISTRATION_SET
):
    raise ImproperlyConfigured(unsafe_setting)
# The default is "managers" if other machines can reach the server. crm_project/operations/checks.py checks this again.
SECOND_FACTOR_SET = bool(REQUIRE_SECOND_FACTOR)
REQUIRE_SECOND_FACTOR = REQUIRE_SECOND_FACTOR or ("managers" if reachable_because else "nobody")
# `manage.py serve` warns about weak keys once; PyJWT would do so for every token.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)
warnings.filterwarnings("ignore", "No directory at", UserWarning)  # see WHITENOISE_USE_FINDERS

# A server that listens on one address accepts it as its name. With 0.0.0.0, ALLOWED_HOSTS must have the names.
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]", *([HOST] if HOST not in ("0.0.0.0", "::") else [])]

site_name = ALLOWED_HOSTS[0].lstrip("*.") or "localhost"
SITE_URL = SITE_URL or (f"https://{site_name}" if HTTPS else f"http://{site_name}:{PORT}")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, because it replaces templates of it
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "dashboard.apps.BackOfficeConfig",  # django.contrib.admin
    "django_otp",  # before users, which removes its pages from the back office
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "users",  # before django.contrib.auth, because it replaces ``changepassword``
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "crm_project.http",
    "crm_project.operations",
    "crm_project.storage",
    "leads",
    "activities",
    "dashboard",
    "maintenance",
]

# The first ones add headers to every response, also to errors. Requests for /api skip all that is after ApiMiddleware.
MIDDLEWARE = [
    "crm_project.http.access_log.AccessLog",
    "crm_project.http.security_headers.SecurityHeaders",
    "crm_project.http.middleware.CorsMiddleware",
    "crm_project.http.compression.Compression",
    "django.middleware.security.SecurityMiddleware",
    "crm_project.http.middleware.ApiMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "crm_project.http.authentication.SessionAuthentication",
    "django_otp.middleware.OTPMiddleware",
    "users.session_activity.SessionActivity",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "crm_project.http.middleware.Views",
]

if DATABASE_REPLICA_URL:
    MIDDLEWARE.insert(
        MIDDLEWARE.index("crm_project.http.middleware.ApiMiddleware"), "crm_project.http.last_write.LastWrites"
    )

ROOT_URLCONF = "crm_project.urls"
WSGI_APPLICATION = "crm_project.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "dashboard" / "templates"],  # first, so that they can replace templates of unfold
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORMAT_MODULE_PATH = "dashboard.formats"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()  # without collectstatic, files are served from the packages
STORAGES = {
    "default": storage,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

UNFOLD = {
    "SITE_TITLE": "Real Estate CRM",
    "SITE_HEADER": "Real Estate CRM",
    "SITE_ICON": "dashboard.site.icon",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "dashboard.site.icon"}],
    "STYLES": ["dashboard.site.list_style", "dashboard.site.home_style"],
    "COLORS": {"primary": "dashboard.site.palette"},
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "users.back_office.second_factor_login.LoginForm"},
    "ACCOUNT": {"navigation": "users.back_office.second_factor.account_links"},
    "SIDEBAR": {"navigation": "dashboard.site.navigation"},
}

EMAIL_BACKEND, EMAIL_TIMEOUT = mail["EMAIL_BACKEND"], mail["EMAIL_TIMEOUT"]
EMAIL_HOST, EMAIL_PORT = mail.get("EMAIL_HOST"), mail.get("EMAIL_PORT")
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail.get("EMAIL_HOST_USER"), mail.get("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS, EMAIL_USE_SSL = mail.get("EMAIL_USE_TLS", False), mail.get("EMAIL_USE_SSL", False)
DEFAULT_FROM_EMAIL = EMAIL_FROM

AUTH_USER_MODEL = "users.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
OTP_TOTP_ISSUER = "Real Estate CRM"  # the name in authenticator apps
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of a link to set a password
PASSWORD_HASHERS = [
    "users.hashers.Argon2",
    "users.hashers.PasslibBcryptSha256",
    "users.hashers.PasslibBcrypt",
]
# For users of the back office; users/password_policy.py has the policy for API users.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "users.validators.PasswordLength"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "email", "first_name", "last_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_MAX_BYTES

CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
CORS_ALLOW_HEADERS = [
    *default_headers,
    "if-match",
    "if-none-match",
    "idempotency-key",
    "prefer",
    "x-request-id",
    "cache-control",
    "pragma",
    "range",
    # Tracing: W3C Trace Context, which OpenTelemetry sends, and Sentry's.
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    *CORS_HEADERS,
]
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Retry-After",
    "Idempotent-Replayed",
    "X-Request-ID",
    "Location",
    "Link",
    "X-Total-Count",
    "Content-Range",
    "X-Synced-Until",
    "Preference-Applied",
    "WWW-Authenticate",
]
# The back office gets no CORS headers: its sessions are for its own origin only.
CORS_URLS_REGEX = r"^/(?!admin/).*$"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.tokens.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "users.permissions.WithinScope"],
    "DEFAULT_PARSER_CLASSES": ["crm_project.http.json.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["crm_project.http.json.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "crm_project.http.json.SingleRendererNegotiation",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "crm_project.http.schema.RuleSchema",
    "EXCEPTION_HANDLER": "crm_project.http.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

SIMPLE_JWT = {
    "ALGORITHM": ALGORITHM,
    "SIGNING_KEY": SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES),
    "USER_ID_CLAIM": "sub",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Real Estate CRM API",
    "VERSION": "2.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_PATCH": False,
    "SORT_OPERATION_PARAMETERS": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "POSTPROCESSING_HOOKS": ["crm_project.http.schema.as_contract"],
    "TAGS": [
        {"name": "Users", "description": "Agents: registration, tokens and the current user."},
        {"name": "Leads", "description": "Buyers and sellers, with soft deletion."},
        {"name": "Imports", "description": "Files of leads, in and out."},
        {"name": "Activities", "description": "Calls, meetings and notes about a lead."},
        {"name": "Follow-ups", "description": "What is to be done next, when, and who does it."},
        {"name": "Dashboard", "description": "Statistics of active leads."},
        {"name": "Health", "description": "The state of the server."},
    ],
}

# Behind a proxy that terminates TLS and sets X-Forwarded-Proto. The domain's owner decides about HSTS for sub-domains.
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^$", r"^health/", r"^metrics$"]  # for checks over HTTP in the local network
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# ``__Host-``: browsers accept such a cookie only from this host, over HTTPS, for all paths.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SESSION_ENGINE = "users.sessions"
SESSION_COOKIE_AGE = SESSION_HOURS * 3600  # the server checks the session's row
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
    # Trigram indexes need nothing of the app django.contrib.postgres, which looks types up in each process.
    "postgres.E005",
]

# Log lines have no threads and processes. Determining them would take as long as writing the line.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
TERMINAL = sys.stderr is not None and sys.stderr.isatty()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "crm_project.logs.TextFormatter" if TERMINAL else "crm_project.logs.JSONFormatter"}},
    "filters": {"exclude_unavailable": {"()": "crm_project.logs.ExcludeUnavailable"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "crm": {"level": "INFO"},  # crm.access: requests; crm.events: events for audits
        "django.request": {"level": "ERROR", "filters": ["exclude_unavailable"]},  # a 404 is the client's error
        # So are an unknown Host, an unknown list filter and a form with too many fields, which Django logs as errors.
        "django.security": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "WARNING"},
        "vobject": {"level": "CRITICAL"},  # it logs the lines of contacts that it cannot read
    },
}
