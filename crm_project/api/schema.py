from drf_spectacular.openapi import AutoSchema


class ContractSchema(AutoSchema):
    pass


def as_contract(result, **kw):
    return result


def openapi(r): ...


docs = redoc = openapi
TIMESTAMP = {"type": "string"}
