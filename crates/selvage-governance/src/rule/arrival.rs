//! What comes in from outside, as files and by webhooks: signed, put aside where it is bad, and made into objects.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::event::{FileFormat, FileInterface};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::name::InterfaceRef;

use super::LintRule;
use crate::lint::{Context, Report};

fn files<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface, &'a FileInterface)> {
    context.served().filter_map(|(reference, interface)| match &interface.body {
        InterfaceBody::File(file) => Some((reference, interface, file)),
        _ => None,
    })
}

/// Formats that partners agreed on, with many messages in each.
fn is_of_partners(format: FileFormat) -> bool {
    matches!(format, FileFormat::X12 | FileFormat::Edifact)
}

pub(crate) const OBJECT: LintRule = LintRule {
    code: code::FORMAT_LEAKS,
    name: "partner-formats-become-objects",
    severity: Severity::Warning,
    waivable: true,
    check: object,
};

fn object(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let into = match &interface.body {
            InterfaceBody::File(file) => Some(&file.into),
            InterfaceBody::Webhook(webhook) => webhook.into.as_ref(),
            _ => None,
        };
        if let Some(into) = into.filter(|into| into.object.is_none()) {
            let message = format!("`{reference}` passes on `{}` in its sender's own format", into.event);
            let finding = OBJECT.finding(&into.event.place, message);
            let fix = "say which object it becomes: `into: {event: …, object: …}`; a change of the sender is met once";
            report.add(reference, finding.fix(fix));
        }
    }
}

pub(crate) const QUARANTINE: LintRule = LintRule {
    code: code::FILE_QUARANTINE,
    name: "files-have-quarantine",
    severity: Severity::Warning,
    waivable: true,
    check: quarantine,
};

fn quarantine(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, file) in files(context) {
        if file.source.quarantine.is_none() {
            let message =
                format!("`{reference}` has nowhere to put a file that cannot be read: it would stop the others");
            let finding = QUARANTINE.finding(&interface.place, message);
            report.add(reference, finding.fix("add `quarantine: <folder>` to `source`"));
        }
    }
}

pub(crate) const ARCHIVE: LintRule = LintRule {
    code: code::FILE_ARCHIVE,
    name: "files-are-archived",
    severity: Severity::Advice,
    waivable: true,
    check: archive,
};

fn archive(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, file) in files(context) {
        if file.source.archive.is_none() {
            let message = format!("`{reference}` keeps no file that it has read: nobody can show what a partner sent");
            let finding = ARCHIVE.finding(&interface.place, message);
            report.add(reference, finding.fix("add `archive: <folder>` to `source`"));
        }
    }
}

pub(crate) const MESSAGE: LintRule = LintRule {
    code: code::FILE_MESSAGE,
    name: "partner-files-say-their-message",
    severity: Severity::Warning,
    waivable: true,
    check: message,
};

fn message(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, file) in files(context) {
        if is_of_partners(file.format) && file.transaction.is_none() {
            let message =
                format!("`{reference}` does not say which message its files are: any other would be read as one");
            let finding = MESSAGE.finding(&interface.place, message);
            report.add(reference, finding.fix("add `transaction:` to `contract`: `\"856\"`, `DESADV`"));
        }
    }
}

pub(crate) const SIGNED: LintRule = LintRule {
    code: code::WEBHOOK_UNSIGNED,
    name: "webhooks-are-signed",
    severity: Severity::Error,
    waivable: false,
    check: signed,
};

fn signed(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let InterfaceBody::Webhook(webhook) = &interface.body else { continue };
        if webhook.signing.is_none() {
            let message = format!("`{reference}` takes no calls: nothing says what proves that they are the system's");
            let finding = SIGNED.finding(&interface.place, message);
            let fix =
                "add `signing: standard-webhooks` to `source`; for a sender that cannot sign, `secret-path` and `from`";
            report.add(reference, finding.fix(fix));
        }
    }
}
