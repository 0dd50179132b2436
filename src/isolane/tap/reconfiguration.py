"""This file tells which calls of a CSMS change what binds a charger to it; it guards that no value is ever given.

Pure. What is given is the name of a parameter as this file spells it, never a text of the message. An ordinary renewal
of a charger's own certificate (CertificateSigned, which answers the charger's SignCertificate) is not among them.

Source: OCPP 1.6 security whitepaper §2.2 and §5; OCPP 2.0.1 part 2, A01, A05, B09, M03-M05 and its appendix 3;
OCPP 2.1 part 2, component NetworkConfiguration. The standards name no key for a 1.6 CSMS's address; makers do, under
the names listed here.
"""

import re

from isolane.tap import allow

WHOLE = frozenset({"DeleteCertificate", "InstallCertificate", "SetNetworkProfile"})
"""Calls that do nothing else; their payload is not read."""
READ = frozenset({"ChangeConfiguration", "SetVariables"})
"""Calls whose payload says what they change."""
PARAMETERS_MAX = 8
"""Names given of one call; a list of more is an attack all the same."""

_KEY_CHARS_MAX = 100
_KEYS = {
    re.sub(r"[^a-z0-9]", "", name.lower()): name
    for name in (
        "AdditionalRootCertificateCheck", "AuthorizationKey", "BackendURL", "BasicAuthPassword", "CSMSURL",
        "CentralSystemURL", "ChargeBoxIdentity", "CpoName", "OcppCsmsUrl", "OcppServerUrl", "SecurityProfile",
        "ServerURL",
    )
}  # fmt: skip
_VARIABLES = {
    "securityctrlr": frozenset({
        "AdditionalRootCertificateCheck", "BasicAuthPassword", "Identity", "OrganizationName", "SecurityProfile",
    }),
    "ocppcommctrlr": frozenset({
        "ActiveNetworkProfile", "NetworkConfigurationPriority", "NetworkProfileConnectionAttempts",
    }),
    "networkconfiguration": frozenset({
        "ApnPassword", "BasicAuthPassword", "Identity", "OcppCsmsUrl", "SecurityProfile", "VpnKey", "VpnPassword",
        "VpnServer",
    }),
}  # fmt: skip
_BY_NAME = {part: {name.lower(): name for name in names} for part, names in _VARIABLES.items()}


def parameters(action: str, payload: allow.Object) -> list[str]:
    """Give the names of the security parameters that a call of `READ` changes, none for any other call."""
    if action == "ChangeConfiguration":
        key = payload.get("key")
        is_key = isinstance(key, str) and len(key) <= _KEY_CHARS_MAX
        found = [_KEYS.get(re.sub(r"[^a-z0-9]", "", str(key).lower()), "")] if is_key else []
    elif action == "SetVariables":
        found = [_variable(each) for each in allow.records(payload.get("setVariableData"))]
    else:
        found = []
    return list(dict.fromkeys(filter(None, found)))[:PARAMETERS_MAX]


def _variable(data: allow.Object) -> str:
    component, variable = (
        allow.record(data.get("component")).get("name"),
        allow.record(data.get("variable")).get("name"),
    )
    if not isinstance(component, str) or not isinstance(variable, str):
        return ""
    return _BY_NAME.get(component.lower(), {}).get(variable.lower(), "")
