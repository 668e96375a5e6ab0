from inventory.api.parts import router

__all__ = ["router"]
