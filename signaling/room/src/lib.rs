//! A room as a pure state machine: stage, hands, roles, timers.
