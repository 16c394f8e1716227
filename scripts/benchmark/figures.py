"""Figures: a report as JSON, for later comparisons, and back again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmark.failure import BenchError
from benchmark.growth_report import GrowthReport
from benchmark.report import PEER, Report
from benchmark.rows import BY_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmark.rows import Row


def as_json(report: Report | GrowthReport) -> dict[str, Any]:
    """Return all of it as plain values: every round, medians, ratios and targets, or every point of the curves."""
    if isinstance(report, GrowthReport):
        return asdict(report)
    return {
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "scale": dict(report.scale),
        "rounds": report.rounds,
        "remount": report.remount,
        "unsettled": report.unsettled,
        "failures": dict(report.failures),
        "rows": [_row_as_json(report, row) for row in report.rows],
        "targets": [
            {
                "system": system,
                "key": verdict.target.key,
                "to": verdict.target.to,
                "limit": verdict.target.limit,
                "achieved": verdict.achieved,
                "verdict": verdict.word,
            }
            for system in report.ours
            for verdict in report.verdicts(system)
        ],
    }


def _row_as_json(report: Report, row: Row) -> dict[str, Any]:
    summaries = {name: report.summary(row, name) for name in report.versions}
    best = report.best(row, report.ours[0]) if report.ours else None
    ours = report.ours if PEER in report.versions else []
    return {
        "key": row.key,
        "title": row.title,
        "unit": row.unit.value,
        "samples": {name: list(report.samples.get(row.key, {}).get(name, ())) for name in report.versions},
        "median": {name: found.median for name, found in summaries.items() if found},
        "times_as_fast_as_gocryptfs": {name: report.ratio(row, name, PEER) for name in ours},
        "best_peer": best.peer if best else None,
        "times_as_fast_as_best_peer": best.ratio if best else None,
    }


def load(path: Path) -> Report | GrowthReport:
    """Read a report back; ratios and targets are worked out anew.

    Raises:
        BenchError: the file is not one of `as_json`, or has rows that this version does not know.
    """
    try:
        return from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        msg = f"{path} holds no figures of a run: {exc!r}"
        raise BenchError(msg) from None


def from_json(data: Mapping[str, Any]) -> Report | GrowthReport:
    """Turn what `as_json` gave into a report again."""
    if "points" in data:
        return GrowthReport(data["machine"], data["versions"], data["points"], data["failures"])
    return Report(
        machine=data["machine"],
        versions=data["versions"],
        rows=[BY_KEY[row["key"]] for row in data["rows"]],
        rounds=data["rounds"],
        scale=data["scale"],
        remount=data["remount"],
        unsettled=data["unsettled"],
        failures=data["failures"],
        samples={row["key"]: row["samples"] for row in data["rows"]},
    )
