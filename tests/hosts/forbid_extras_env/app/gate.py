from app.core.config import settings
from app.models import Guest, Member, Occupancy

_inside: list[Guest | Member] = []


class GymFull(Exception): ...


class NotInside(Exception): ...


def enter(user: Guest | Member) -> Occupancy:
    if len(_inside) == settings.capacity:
        raise GymFull
    _inside.append(user)
    return occupancy()


def leave(user: Guest | Member) -> Occupancy:
    try:
        _inside.remove(user)
    except ValueError:
        raise NotInside from None
    return occupancy()


def occupancy() -> Occupancy:
    return Occupancy(
        gym=settings.gym_name, inside=len(_inside), free=settings.capacity - len(_inside)
    )
