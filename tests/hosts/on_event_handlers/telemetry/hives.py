import fastapi
import pydantic

from telemetry.state import STATE, Reading

router = fastapi.APIRouter(prefix="/hives")


class Measurement(pydantic.BaseModel):
	celsius: float = pydantic.Field(gt=-60, lt=90)
	kilograms: float = pydantic.Field(gt=0)


@router.get("")
def list_hives():
	return sorted(STATE.readings)


@router.get("/{hive}")
def latest(hive: str):
	if hive not in STATE.readings:
		raise fastapi.HTTPException(status_code=404, detail=f"ruche inconnue : {hive}")
	return STATE.readings[hive][-1]


@router.post("/{hive}", status_code=fastapi.status.HTTP_201_CREATED)
def measure(hive: str, measurement: Measurement):
	# la balance de « Nord » dérive en été, voir le carnet du 12 août
	reading = Reading(hive, **measurement.model_dump())
	STATE.add(reading)
	return reading
