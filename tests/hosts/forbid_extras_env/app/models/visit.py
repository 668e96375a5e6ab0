from pydantic import BaseModel


class Occupancy(BaseModel):
    gym: str
    inside: int
    free: int
