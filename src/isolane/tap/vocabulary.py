"""This file lists the words of OCPP that may pass; it guards that text passes only from a closed set.

Source: OCPP 1.6 edition 2 §6 and §7 with the security whitepaper, OCPP 2.0.1 part 2 §2-3, OCPP 2.1 part 2 §2-3.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SUBPROTOCOLS = _words("ocpp1.2 ocpp1.5 ocpp1.6 ocpp2.0 ocpp2.0.1 ocpp2.1")

ACTIONS = _words("""
    Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration
    ClearCache ClearChargingProfile DataTransfer DeleteCertificate DiagnosticsStatusNotification
    ExtendedTriggerMessage FirmwareStatusNotification GetCompositeSchedule GetConfiguration GetDiagnostics
    GetInstalledCertificateIds GetLocalListVersion GetLog Heartbeat InstallCertificate LogStatusNotification
    MeterValues RemoteStartTransaction RemoteStopTransaction ReserveNow Reset SecurityEventNotification
    SendLocalList SetChargingProfile SignCertificate SignedFirmwareStatusNotification SignedUpdateFirmware
    StartTransaction StatusNotification StopTransaction TriggerMessage UnlockConnector UpdateFirmware
""") | _words("""
    AFRRSignal AdjustPeriodicEventStream BatterySwap ChangeTransactionTariff ClearDERControl ClearDisplayMessage
    ClearTariffs ClearVariableMonitoring ClearedChargingLimit ClosePeriodicEventStream CostUpdated
    CustomerInformation Get15118EVCertificate GetBaseReport GetCertificateChainStatus GetCertificateStatus
    GetChargingProfiles GetDERControl GetDisplayMessages GetMonitoringReport GetPeriodicEventStream GetReport
    GetTariffs GetTransactionStatus GetVariables NotifyAllowedEnergyTransfer NotifyChargingLimit
    NotifyCustomerInformation NotifyDERAlarm NotifyDERStartStop NotifyDisplayMessages NotifyEVChargingNeeds
    NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyPeriodicEventStream NotifyPriorityCharging
    NotifyReport NotifySettlement NotifyWebPaymentStarted OpenPeriodicEventStream PublishFirmware
    PublishFirmwareStatusNotification PullDynamicScheduleUpdate ReportChargingProfiles ReportDERControl
    RequestBatterySwap RequestStartTransaction RequestStopTransaction ReservationStatusUpdate SetDERControl
    SetDefaultTariff SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile
    SetVariableMonitoring SetVariables TransactionEvent UnpublishFirmware UpdateDynamicSchedule
    UsePriorityCharging VatNumberValidation
""")  # fmt: skip

CALL_ERRORS = _words("""
    FormationViolation FormatViolation GenericError InternalError MessageTypeNotSupported NotImplemented NotSupported
    OccurenceConstraintViolation OccurrenceConstraintViolation PropertyConstraintViolation ProtocolError
    RpcFrameworkError SecurityError TypeConstraintViolation
""")

STATUSES_V16 = _words("""
    Available Preparing Charging SuspendedEVSE SuspendedEV Finishing Reserved Unavailable Faulted
""")

STATUSES_V2 = _words("Available Occupied Reserved Unavailable Faulted")

ERRORS_V16 = _words("""
    ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError LocalListConflict NoError
    OtherError OverCurrentFailure OverVoltage PowerMeterFailure PowerSwitchFailure ReaderFailure ResetFailure
    UnderVoltage WeakSignal
""")

STOP_REASONS_V16 = _words("""
    DeAuthorized EmergencyStop EVDisconnected HardReset Local Other PowerLoss Reboot Remote SoftReset UnlockCommand
""")

STOP_REASONS_V2 = _words("""
    DeAuthorized EmergencyStop EnergyLimitReached EVDisconnected GroundFault ImmediateReset Local LocalOutOfCredit
    MasterPass Other OvercurrentFault PowerLoss PowerQuality Reboot Remote ReqEnergyTransferRejected SOCLimitReached
    StoppedByEV TimeLimitReached Timeout
""")

TRIGGERS_V2 = _words("""
    AbnormalCondition Authorized CablePluggedIn ChargingRateChanged ChargingStateChanged CostLimitReached Deauthorized
    EnergyLimitReached EVCommunicationLost EVConnectTimeout EVDeparted EVDetected LimitSet MeterValueClock
    MeterValuePeriodic OperationModeChanged RemoteStart RemoteStop ResetCommand RunningCost SignedDataReceived
    SoCLimitReached StopAuthorized TariffChanged TariffNotAccepted TimeLimitReached Trigger TxResumed UnlockCommand
""")

CHARGING_STATES_V2 = _words("Charging EVConnected Idle SuspendedEV SuspendedEVSE")

PHASES = _words("L1 L2 L3 N L1-N L2-N L3-N L1-L2 L2-L3 L3-L1")

LOCATIONS = _words("Body Cable EV Inlet Outlet Upstream")

UNITS = _words("""
    A ASU B Celcius Celsius dB dBm Deg Fahrenheit Hertz Hz K kPa kVA kVAh kvar kvarh kW kWh lx m ms2 N Ohm Percent RH
    RPM s V VA VAh var varh W Wh
""")  # "Celcius" and "Hertz" stand in the 1.6 schemas

MEASURANDS = _words("""
    Current.Export Current.Import Current.Offered Energy.Active.Export.Interval Energy.Active.Export.Register
    Energy.Active.Import.Interval Energy.Active.Import.Register Energy.Active.Net Energy.Apparent.Export
    Energy.Apparent.Import Energy.Apparent.Net Energy.Reactive.Export.Interval Energy.Reactive.Export.Register
    Energy.Reactive.Import.Interval Energy.Reactive.Import.Register Energy.Reactive.Net Frequency Power.Active.Export
    Power.Active.Import Power.Factor Power.Offered Power.Reactive.Export Power.Reactive.Import RPM SoC Temperature
    Voltage
""") | _words("""
    Current.Export.Minimum Current.Export.Offered Current.Import.Minimum Current.Import.Offered
    Energy.Active.Import.CableLoss Energy.Active.Import.LocalGeneration.Register Energy.Active.Setpoint.Interval
    Power.Active.Residual Power.Active.Setpoint Power.Export.Minimum Power.Export.Offered Power.Import.Minimum
    Power.Import.Offered Voltage.Maximum Voltage.Minimum
""")  # fmt: skip
"""The second part is 2.1's. Its Display.* and EnergyRequest.* tell what a driver wants, so they are not here."""
