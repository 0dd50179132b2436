"""This file is the control pilot; it guards that voltage, duty cycle and state always tell the same story."""

STATE_A, STATE_B, STATE_C = 0, 1, 2
_VOLTS = (12.0, 9.0, 6.0)


def pilot(*, plugged: bool, charging: bool, duty_percent: float) -> dict[str, float]:
    """Give the pilot's signals.

    Args:
        plugged: A vehicle is there.
        charging: The contactor is closed.
        duty_percent: Duty cycle while a vehicle is there; 5 is digital communication. Without one it is 100 (steady).
    """
    state = STATE_C if charging else STATE_B if plugged else STATE_A
    return {
        "1.0/CPPWMController/DCVoltage": _VOLTS[state],
        "1.0/CPPWMController/Percentage": duty_percent if plugged else 100.0,
        "1.0/CPPWMController/State": state,
    }
