//! Codes of the command line, configuration, console and control API (8).

use super::{Code, codes};

codes! { OF_COMMANDS:
    ENVIRONMENT_PROTECTED = "FAB8001", "A directory is not served in a protected environment";
    ENVIRONMENT_UNDECLARED = "FAB8002", "The fabric does not declare this environment";
    FABRIC_UNDECLARED = "FAB8003", "The directory declares no fabric";
    WORK_ENDED = "FAB8004", "The work on a request ended before its answer";
    SECRETS_UNREADABLE = "FAB8005", "The secrets cannot be read";
    UNKNOWN_PACK = "FAB8006", "No pack of this name ships with Selvage";
    PROBE_TARGET = "FAB8020", "There is nothing of this name to probe";
    PROBE_LATE = "FAB8021", "The probe took too long";
    EVENT_UNKNOWN = "FAB8030", "The log has no such event";
    BROKER_UNUSABLE = "FAB8051", "What is said of the events' broker cannot be used";
    API_KEY = "FAB8060", "The control API takes an operator's key";
    API_FORBIDDEN = "FAB8061", "Somebody may not do this in the domain";
    API_BODY = "FAB8062", "The body of the request cannot be used";
    API_MISSING = "FAB8063", "The control API has no such thing";
    API_SEAL = "FAB8064", "This node has no key that signs releases";
    API_BROKE_OFF = "FAB8065", "The node broke off what was asked for";
    EXPORT_WITHIN = "FAB8070", "The export would land in the fabric's directory";
    JUDGE_UNCLEAR = "FAB8071", "It is not clear by which environment access is judged";
    API_METHOD = "FAB8080", "The control API does not take this method here";
    EVIDENCE_LARGE = "FAB8081", "The package of evidence is larger than a node hands out";
}
