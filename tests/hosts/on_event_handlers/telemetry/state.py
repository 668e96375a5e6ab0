import os
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Reading:
	hive: str
	celsius: float
	kilograms: float


@dataclass
class State:
	# une ruche « muette » garde sa dernière mesure
	ready: bool = False
	readings: dict[str, deque[Reading]] = field(default_factory=dict)

	def add(self, reading: Reading) -> None:
		size = int(os.environ.get("RUCHER_MAX", "1000"))
		self.readings.setdefault(reading.hive, deque(maxlen=size)).append(reading)


STATE = State()
