"""What programs are given: the outcome as a JSON document."""

import signal
from dataclasses import asdict
from typing import Any, Dict, Mapping

from django.core.management import CommandError

from ..loading import Outcome
from .text import FAILED, REJECTED


def running(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the document of a load that has not ended; if it is killed, this stays."""
    return {"status": "running", "options": dict(options)}


def failed(error: CommandError, options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the document of what failed before there was an outcome."""
    return {
        "status": "failed",
        "exit_code": error.returncode,
        "error": str(error),
        "options": dict(options),
    }


def interrupted(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the document of what Ctrl-C ended before there was an outcome."""
    code = 128 + signal.SIGINT
    return {"status": "interrupted", "exit_code": code, "error": None, "options": dict(options)}


def document(outcome: Outcome, exit_code: int, options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the whole outcome but the single rejects, ready to be written as JSON."""
    status = {FAILED: "failed", REJECTED: "complete", 0: "complete"}
    return {
        "status": status.get(exit_code, "interrupted"),
        "exit_code": exit_code,
        "error": str(outcome.error) if outcome.error else None,
        "workers": outcome.workers,
        "seconds": round(outcome.seconds, 3),
        "options": dict(options),
        "atomic": outcome.is_atomic,
        "recovered": list(outcome.recovered),
        "models": {
            model.model.lower(): {
                "source": model.source,
                "database": model.database,
                **asdict(model.counts),
                "reasons": dict(model.reasons),
                "stored": model.is_stored,
                "unconfirmed": model.is_unconfirmed,
                "rejects_file": model.rejects_file,
                "seconds": round(model.seconds, 3),
            }
            for model in outcome.models
        },
    }
