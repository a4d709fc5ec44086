"""Every setting, decided by the environment and read strictly: a value that can't be understood is an error.

With nothing set, this is a demo on one machine: embedded servers (see `stack.py`), data under `DATA_DIR`,
loopback only. `DEPLOY.md` lists the variables a real installation sets.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
import structlog
from csp.constants import NONCE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from workbench import stack, storage

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def read_bool(name: str, default: bool) -> bool:
    text = os.environ.get(name, str(default))
    if text not in {"True", "False", "1", "0"}:
        raise ImproperlyConfigured(f"{name} is {text!r}; expected True or False.")
    return text in {"True", "1"}


def read_int(name: str, default: int, low: int = 0) -> int:
    text = os.environ.get(name, str(default))
    if not text.lstrip("-").isdigit() or int(text) < low:
        raise ImproperlyConfigured(f"{name} is {text!r}; expected a whole number of at least {low}.")
    return int(text)


# --- Where things are -------------------------------------------------------------------------------------

DATA_DIR = stack.data_dir()
DEBUG = read_bool("DEBUG", False)
# A demo is whatever runs on the embedded default without a public address of its own.
DEMO = read_bool("DEMO", "SITE_URL" not in os.environ)
SITE_URL = os.environ.get("SITE_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}").rstrip("/")
if urlsplit(SITE_URL).scheme not in {"http", "https"} or not urlsplit(SITE_URL).hostname:
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}; expected an address such as https://workbench.example.org."
    )
HTTPS = SITE_URL.startswith("https://")

if "SECRET_KEY" in os.environ:
    SECRET_KEY = os.environ["SECRET_KEY"]
elif DEMO:
    SECRET_KEY = stack.secret_key()
else:
    raise ImproperlyConfigured(
        "SITE_URL is set, so this is an installation: set SECRET_KEY too (50+ random characters)."
    )
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(SITE_URL).hostname, "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Applications -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "workbench",
    "annotation",
    "arena",
    "rewardmodels",
    "generator",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "csp",
    "ninja",
    "channels",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "workbench.caching.NoStore",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "workbench.urls"
ASGI_APPLICATION = "workbench.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workbench.access.page_context",
            ],
        },
    },
]
FORM_RENDERER = "workbench.forms.Renderer"
# What the home page shows, in this order: functions `(request) -> Section | None` (see home.py).
HOME_SECTIONS = [
    "annotation.views.labelling.home_section",
    "arena.views.battles.home_section",
    "arena.views.evaluations.home_section",
    "rewardmodels.views.home_section",
    "generator.views.home_section",
    "workbench.runs.views.home_section",
    "workbench.home.people_section",
]
# What a clip's page shows beside the clip: functions `(request, clip) -> Section | None`.
# What each app forgets of a person who is erased (`workbench/people/erasure.py`).
ERASERS = ["annotation.erasing.forget"]
CLIP_SECTIONS = ["rewardmodels.views.clip_section"]

# --- Servers: database, Valkey, storage -------------------------------------------------------------------

DATABASE_URL = os.environ.get("DATABASE_URL") or stack.database_url()
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        f"DATABASE_URL names {DATABASE_URL.split(':')[0]!r}; only postgresql:// is supported."
    )
DATABASES["default"]["HOST"] = unquote(DATABASES["default"]["HOST"])
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})
# A web process works on this many requests at a time (handler.py), each with a connection while it needs one;
# downloads and websockets read in threads of their own, and have a few more.
REQUEST_THREADS = read_int("DATABASE_POOL", 16, low=1)
DATABASES["default"]["OPTIONS"] |= {
    "pool": {"min_size": 0, "max_size": REQUEST_THREADS + 4, "timeout": 20},
    "prepare_threshold": 3,  # for the statements of prepared.py; Django's own are bound by the client
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL") or stack.redis_url()
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "workbench"},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "media")},
    },
    "staticfiles": {"BACKEND": "workbench.staticfiles.Storage"},
}
if STORAGE_URL := os.environ.get("STORAGE_URL", ""):
    STORAGES["default"] = storage.configured(STORAGE_URL)
UPLOAD_MAX_BYTES = read_int("UPLOAD_MAX_MB", 512, low=1) * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # a manifest comes with the clips it names

# --- Celery: a message only wakes a worker up (see runs/) -------------------------------------------------

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_keepalive": True}
CELERY_TIMEZONE = "UTC"

# --- Runs -------------------------------------------------------------------------------------------------

RUN_LEASE_SECONDS = read_int("RUN_LEASE_SECONDS", 30, low=2)
RUN_GRACE_SECONDS = read_int("RUN_GRACE_SECONDS", 120, low=1)
RUN_MAX_ATTEMPTS = read_int("RUN_MAX_ATTEMPTS", 10, low=1)
RUN_KEEP_CHECKPOINTS = read_int("RUN_KEEP_CHECKPOINTS", 3, low=1)
RUN_KEEP_DAYS = read_int("RUN_KEEP_DAYS", 90, low=1)
RUN_DISK_QUOTA = read_int("RUN_DISK_QUOTA_GB", 200, low=1) * 1024**3
RUN_SCRATCH = Path(os.environ.get("RUN_SCRATCH", str(DATA_DIR / "runs")))
# Checked by beat; a reaper that comes late finds its message expired, so none pile up.
_REAP_SECONDS = min(10.0, max(1.0, RUN_LEASE_SECONDS / 3))
CELERY_BEAT_SCHEDULE = {
    "reap-runs": {
        "task": "workbench.runs.reap",
        "schedule": _REAP_SECONDS,
        "options": {"expires": 4 * _REAP_SECONDS},
    },
    "expired-leases": {"task": "annotation.release_expired", "schedule": 30.0, "options": {"expires": 30}},
    "campaign-tallies": {"task": "annotation.tally", "schedule": 10.0, "options": {"expires": 10}},
    "campaign-watch": {"task": "annotation.watch", "schedule": 60.0, "options": {"expires": 60}},
    "disputes": {"task": "annotation.find_disputes", "schedule": 60.0, "options": {"expires": 60}},
    "exclusions": {"task": "annotation.follow_exclusions", "schedule": 60.0, "options": {"expires": 60}},
    "arena-forget": {"task": "arena.forget", "schedule": 3600.0, "options": {"expires": 3600}},
    "arena-pack": {"task": "arena.pack", "schedule": 20.0, "options": {"expires": 20}},
    "arena-outliers": {"task": "arena.find_outliers", "schedule": 60.0, "options": {"expires": 60}},
    "lost-renditions": {
        "task": "annotation.want_lost_renditions",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "webhooks": {"task": "annotation.webhooks", "schedule": 5.0, "options": {"expires": 5}},
    "pair-versions": {
        "task": "annotation.make_pair_versions",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "webhooks-forget": {
        "task": "annotation.forget_deliveries",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "rounds": {"task": "generator.advance_rounds", "schedule": 3.0, "options": {"expires": 6}},
    "evaluations": {"task": "arena.advance_evaluations", "schedule": 5.0, "options": {"expires": 10}},
    "evaluation-clips": {
        "task": "generator.make_evaluation_clips",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "runs-retention": {"task": "workbench.runs.retention", "schedule": 600.0, "options": {"expires": 600}},
}
# METRICS_MIRROR: tensorboard:/folder or mlflow:http://host:port; empty keeps metrics in the database only.
METRICS_MIRROR = os.environ.get("METRICS_MIRROR", "")

# --- Webhooks ---------------------------------------------------------------------------------------------

# Whether a webhook may be an address inside: loopback, private networks. Then whoever may add webhooks can
# make this server ask any address that it reaches.
WEBHOOK_PRIVATE_ADDRESSES = read_bool("WEBHOOK_PRIVATE_ADDRESSES", False)

# --- Arena ------------------------------------------------------------------------------------------------

# Whether somebody without an account may vote and read the leaderboard.
ARENA_OPEN = read_bool("ARENA_OPEN", DEMO)
ARENA_DAILY_CAP = read_int("ARENA_DAILY_CAP", 300, low=1)
# Requests of visitors from one address in an hour; a battle takes two.
ARENA_VISITOR_REQUESTS = read_int("ARENA_VISITOR_REQUESTS", 1200, low=1)
# Visitors who may begin to vote from one address in an hour: a class room, not a program new each time.
ARENA_NEW_VISITORS = read_int("ARENA_NEW_VISITORS", 60, low=1)
ARENA_BATTLE_MINUTES = read_int("ARENA_BATTLE_MINUTES", 30, low=1)
# Sites that may show boards in a frame, as origins (https://example.org), by commas; without any, none may.
ARENA_EMBED_ORIGINS = [
    origin.strip() for origin in os.environ.get("ARENA_EMBED_ORIGINS", "").split(",") if origin.strip()
]
# A vote that comes sooner is kept, but left out of the ratings.
ARENA_LEAST_SECONDS = read_int("ARENA_LEAST_SECONDS", 1)

# --- People -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "workbench.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 24 * 3600
INVITATION_DAYS = read_int("INVITATION_DAYS", 14, low=1)
AXES_FAILURE_LIMIT = read_int("LOGIN_FAILURES", 8, low=1)
# From one address, whatever the names: many more, since a whole laboratory may sit behind one.
LOGIN_FAILURES_ADDRESS = 100
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "workbench.people.signin.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_IPWARE_PROXY_COUNT = read_int("PROXY_COUNT", 0)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default=f"filemail://{DATA_DIR}/mail")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
EMAIL_HOST, EMAIL_PORT = EMAIL_CONFIG["EMAIL_HOST"], EMAIL_CONFIG["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL_CONFIG["EMAIL_HOST_USER"], EMAIL_CONFIG["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = (
    EMAIL_CONFIG.get("EMAIL_USE_TLS", False),
    EMAIL_CONFIG.get("EMAIL_USE_SSL", False),
)
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", f"workbench@{urlsplit(SITE_URL).hostname}")

# --- Languages and time -----------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Chinese"))]
LOCALE_PATHS = [BASE_DIR / "workbench" / "locale"]
FORMAT_MODULE_PATH = ["workbench.formats"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")

# --- Static files: our own, and plotly.js out of the plotly package ----------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # so a checkout serves its files without collecting them first
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
WHITENOISE_AUTOREFRESH = DEBUG
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "workbench.staticfiles.PlotlyFinder",
]

# --- Security ---------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}
CSRF_FAILURE_VIEW = "workbench.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = HTTPS and read_bool("SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if AXES_IPWARE_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# --- Logs: one JSON object a line, or readable lines on a terminal ----------------------------------------

_renderer: structlog.typing.Processor = (
    # Plain tracebacks: rich ones print local variables, and so secrets.
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    if sys.stderr.isatty() or DEMO
    else structlog.processors.JSONRenderer()
)
_shared: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
]
structlog.configure(
    processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": _renderer,
            "foreign_pre_chain": _shared,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
