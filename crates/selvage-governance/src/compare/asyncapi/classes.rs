//! The classes of differences between AsyncAPI contracts, but for what stands in schemas: that is of the area `schema`.

use crate::compare::{Area, Class, Direction, Verdict};

macro_rules! classes {
    ($($name:ident $code:literal $element:literal $action:literal $direction:ident $verdict:ident $because:literal)*) => {
        $(pub(super) static $name: Class = Class {
            code: concat!("asyncapi.", $code),
            area: Area::AsyncApi,
            element: $element,
            action: $action,
            direction: Direction::$direction,
            verdict: Verdict::$verdict,
            because: $because,
        };)*
        /// The classes of AsyncAPI.
        pub(in crate::compare) static CLASSES: &[&Class] = &[$(&$name,)*];
    };
}

classes! {
    SERVER_ADDED "server.added" "server" "added" Both Safe
        "The other addresses stay."
    SERVER_REMOVED "server.removed" "server" "removed" Both Breaking
        "Whoever connects there finds nothing."
    SERVER_CHANGED "server.changed" "server" "changed" Both Breaking
        "Whoever connects as before may find nothing, or may not be let in."
    CHANNEL_ADDED "channel.added" "channel" "added" Both Safe
        "Nobody uses it yet."
    CHANNEL_REMOVED "channel.removed" "channel" "removed" Both Breaking
        "Whoever reads it or sends to it finds nothing."
    ADDRESS_CHANGED "address.changed" "address" "changed" Both Breaking
        "Whoever reads or sends where it was finds nothing."
    CHANNEL_SERVERS "channel-servers.changed" "channel-servers" "changed" Both Unproven
        "It may not be there any longer where it was read or sent to."
    PARAMETERS_CHANGED "parameters.changed" "parameters" "changed" Both Unproven
        "Addresses are made of other values."
    OPERATION_ADDED "operation.added" "operation" "added" Both Safe
        "Nobody uses it yet."
    OPERATION_REMOVED "operation.removed" "operation" "removed" Both Breaking
        "What it did is not done any longer."
    OPERATION_REVERSED "operation.reversed" "operation" "reversed" Both Breaking
        "Who sent is to read, or the other way round."
    OPERATION_MOVED "operation.moved" "operation" "moved" Both Breaking
        "It goes by another channel."
    OPERATION_CHANGED "operation.changed" "operation" "changed" Both Unproven
        "It is of other messages, or is answered otherwise."
    SECURITY_CHANGED "security.changed" "security" "changed" Both Unproven
        "What proves who somebody is may not be enough any longer."
    BINDINGS_CHANGED "bindings.changed" "bindings" "changed" Both Unproven
        "What the protocol is told is not taken apart."
    MESSAGE_ADDED_REQUEST "message.added.request" "message" "added" Request Safe
        "The messages that were understood still are."
    MESSAGE_ADDED_RESPONSE "message.added.response" "message" "added" Response Unproven
        "A message comes that readers do not know."
    MESSAGE_REMOVED "message.removed" "message" "removed" Both Breaking
        "Whoever sends it is not understood, and whoever waits for it waits in vain."
    MESSAGE_CHANGED "message.changed" "message" "changed" Both Unproven
        "What it takes from elsewhere, or how it belongs to another message, is not taken apart."
    CONTENT_TYPE_CHANGED "content-type.changed" "content-type" "changed" Both Breaking
        "The same message is written otherwise."
    FORMAT_CHANGED "schema-format.changed" "schema-format" "changed" Both Unproven
        "Schemas of this kind are not taken apart."
    VERSION_UNREAD "version.unread" "version" "unread" Both Unproven
        "Documents of AsyncAPI 2 are not taken apart: their channels say for others what those of version 3 say for the application."
    OTHER "other.changed" "other" "changed" Both Unproven
        "No class says what is different, and so not what it means."
    REFERENCE_UNRESOLVED "reference.unresolved" "reference" "unresolved" Both Unproven
        "What stands there is not within the document."
}
