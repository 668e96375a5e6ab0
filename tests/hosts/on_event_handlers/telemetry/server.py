"""Serveur de télémétrie : démarrage, arrêt et routes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import fastapi

from telemetry import hives
from telemetry.state import STATE, Reading

if TYPE_CHECKING:
	from fastapi import FastAPI

app: FastAPI = fastapi.FastAPI(title="Télémétrie du rucher")
app.include_router(hives.router)


@app.on_event("startup")
async def load():
	# deux ruches de démonstration, le temps que les capteurs s'annoncent
	for hive, kilograms in (("nord", 31.5), ("sud", 28.0)):
		STATE.add(Reading(hive, 34.8, kilograms))
	STATE.ready = True


@app.on_event("shutdown")
def unload():
	STATE.ready = False
	STATE.readings.clear()


@app.get("/status")
def status():
	return {"apiary": os.environ.get("RUCHER_NOM", "sans nom"), "ready": STATE.ready}
