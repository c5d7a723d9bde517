//! Interfaces of files: what they are, where they lie, what they become.

use selvage_model::manifest::event::FileInterface;

use super::Difference;
use super::class::{backstop, classes};
use super::two::Two;

classes! { File "file":
    FORMAT_CHANGED = "format" "changed" Both Breaking "Files of the format before cannot be read.";
    TRANSACTION_CHANGED = "transaction" "changed" Both Breaking "Files of the message before are not taken.";
    SYSTEM_CHANGED = "system" "changed" Both Breaking "Files are looked for at another system.";
    FOLDER_CHANGED = "folder" "changed" Both Breaking "Files that are laid where they were are not found.";
    POLL_CHANGED = "poll" "changed" Both Unproven "Files are found later, or looked for more often than their system bears.";
    ARCHIVE_CHANGED = "archive" "changed" Both Unproven "Whoever looks for files that were taken finds them elsewhere.";
    QUARANTINE_CHANGED = "quarantine" "changed" Both Unproven "Whoever looks for files that were refused finds them elsewhere.";
    EVENT_CHANGED = "event" "changed" Response Breaking "Who waits for the event that a file became waits in vain.";
    OBJECT_CHANGED = "object" "changed" Both Breaking "Files have to be another object, and become one.";
    LANE_CHANGED = "lane" "changed" Response Breaking "The events of files come in another order.";
}

backstop! { File "file" }

/// What two file interfaces take.
pub(super) fn compare(found: &mut Vec<Difference>, mut two: Two<FileInterface>) {
    two.changed(found, (&FORMAT_CHANGED, "format"), |it| &mut it.format);
    two.changed(found, (&TRANSACTION_CHANGED, "transaction"), |it| &mut it.transaction);
    two.changed(found, (&SYSTEM_CHANGED, "system"), |it| &mut it.source.system);
    two.changed(found, (&FOLDER_CHANGED, "folder"), |it| &mut it.source.folder);
    two.changed(found, (&POLL_CHANGED, "poll"), |it| &mut it.source.poll);
    two.changed(found, (&ARCHIVE_CHANGED, "archive"), |it| &mut it.source.archive);
    two.changed(found, (&QUARANTINE_CHANGED, "quarantine"), |it| &mut it.source.quarantine);
    two.changed(found, (&EVENT_CHANGED, "event"), |it| &mut it.into.event);
    two.changed(found, (&OBJECT_CHANGED, "object"), |it| &mut it.into.object);
    two.changed(found, (&LANE_CHANGED, "lane"), |it| &mut it.into.lane);
    two.rest(found, &OTHER);
}
