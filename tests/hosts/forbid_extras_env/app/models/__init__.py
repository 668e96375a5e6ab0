from app.models.user import Guest, Member, User
from app.models.visit import Occupancy

__all__ = ["Guest", "Member", "Occupancy", "User"]
