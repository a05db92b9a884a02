"""Payments: a payer's signed order to move locked funds, executed by the PaymentEscrow."""

from ferryman.intents.payment.kind import PAYMENT

__all__ = ["PAYMENT"]
