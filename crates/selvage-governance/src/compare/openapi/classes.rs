//! The classes of differences between OpenAPI contracts, but for what stands in schemas: that is of the area `schema`.

use crate::compare::{Area, Class, Direction, Verdict};

macro_rules! classes {
    ($($name:ident $element:literal $action:literal $direction:ident $verdict:ident $because:literal)*) => {
        $(pub(in crate::compare) static $name: Class = Class {
            code: concat!("openapi.", $element, ".", $action),
            area: Area::OpenApi,
            element: $element,
            action: $action,
            direction: Direction::$direction,
            verdict: Verdict::$verdict,
            because: $because,
        };)*
        /// The classes of OpenAPI.
        pub(in crate::compare) static CLASSES: &[&Class] = &[$(&$name,)*];
    };
}

classes! {
    PATH_REMOVED "path" "removed" Both Breaking
        "Whoever calls one of its operations gets nothing."
    PATH_TAKEN "path" "taken" Both Unproven
        "Requests that fitted the one path fit the other as well, and go there."
    PARAMETER_RENAMED "path-parameter" "renamed" Both Safe
        "Addresses are made of values; what a part of the path is called is for people."
    OPERATION_ADDED "operation" "added" Both Safe
        "Nobody calls it yet."
    OPERATION_REMOVED "operation" "removed" Both Breaking
        "Whoever calls it gets nothing."
    OPERATION_ENDED "operation" "ended" Both Breaking
        "It was said to be on its way out; whoever calls it nevertheless gets nothing."
    OPERATION_MOVED "operation" "moved" Both Breaking
        "Whoever calls it where it was gets nothing."
    OPERATION_ID_CHANGED "operation-id" "changed" Both Breaking
        "Grants name operations by their id, and so do programs made of the contract."
    OPERATION_DEPRECATED "operation" "deprecated" Both Unproven
        "It goes on until the day that is said, which may be near or past."
    OPERATION_UNDATED "operation" "deprecated-undated" Both Unproven
        "Nobody can tell until when it goes on."
    OPERATION_REACTIVATED "operation" "reactivated" Both Safe
        "It stays."
    SUNSET_ADDED "sunset" "added" Both Unproven
        "It ends on a day that nobody knew of."
    SUNSET_REMOVED "sunset" "removed" Both Unproven
        "Nobody can tell any longer until when it goes on."
    SUNSET_EARLIER "sunset" "earlier" Both Breaking
        "It ends before the day that people rely on."
    SUNSET_LATER "sunset" "later" Both Safe
        "It goes on for longer."
    SUNSET_PASSED "sunset" "passed" Both Breaking
        "The day is over when it is said: nobody is given time to move."
    SUNSET_UNREADABLE "sunset" "unreadable" Both Unproven
        "What is said is no day."
    STABILITY_LOWERED "stability" "lowered" Both Unproven
        "Less is promised than people rely on."
    STABILITY_RAISED "stability" "raised" Both Safe
        "More is promised than before."
    PARAMETER_ADDED "parameter" "added" Request Unproven
        "Somebody may send that name already, with what is refused now, or meaning something else."
    PARAMETER_NEEDED "parameter" "added-required" Request Breaking
        "Nobody sends it yet, and requests without it are refused."
    PARAMETER_REMOVED "parameter" "removed" Request Unproven
        "Whoever sends it is refused, or not understood as before."
    PARAMETER_REQUIRED "parameter" "required" Request Breaking
        "Requests without it were accepted and are refused now."
    PARAMETER_OPTIONAL "parameter" "optional" Request Safe
        "Requests with it mean what they meant."
    PARAMETER_STYLE "parameter-style" "changed" Request Breaking
        "The same value is written otherwise."
    PARAMETER_CONTENT "parameter-content" "changed" Request Unproven
        "What the parameter carries is written otherwise."
    EMPTY_REFUSED "empty-value" "refused" Request Breaking
        "Requests that name the parameter without a value are refused now."
    EMPTY_ACCEPTED "empty-value" "accepted" Request Safe
        "Requests with a value mean what they meant."
    PARAMETER_DEPRECATED "parameter" "deprecated" Request Unproven
        "It is understood until the day that is said, which may be near or past."
    PARAMETER_UNDATED "parameter" "deprecated-undated" Request Unproven
        "Nobody can tell until when it is understood."
    PARAMETER_REACTIVATED "parameter" "reactivated" Request Safe
        "It stays."
    ROW_CHANGED "row" "changed" Both Unproven
        "Grants that cover some rows cover others, or none."
    BODY_ADDED "body" "added" Request Safe
        "Requests without one mean what they meant."
    BODY_NEEDED "body" "added-required" Request Breaking
        "Nobody sends one yet, and requests without one are refused."
    BODY_REMOVED "body" "removed" Request Breaking
        "What is sent is refused, or nobody reads it."
    BODY_REQUIRED "body" "required" Request Breaking
        "Requests without one were accepted and are refused now."
    BODY_OPTIONAL "body" "optional" Request Safe
        "Requests with one mean what they meant."
    BODY_MEDIA_ADDED "body-media" "added" Request Safe
        "Requests of the other kinds are understood as before."
    BODY_MEDIA_REMOVED "body-media" "removed" Request Breaking
        "Whoever sends this kind is refused."
    ENCODING_CHANGED "encoding" "changed" Both Unproven
        "Parts of the body are written otherwise."
    ANSWER_ADDED "answer" "added" Response Unproven
        "Whoever looks for the statuses that were declared may not know what to make of it."
    ANSWER_REMOVED "answer" "removed" Response Breaking
        "Whoever waits for this status waits in vain."
    ANSWER_WIDENED "answer" "widened" Response Unproven
        "A status may come of which only the hundred is declared."
    ANSWER_NARROWED "answer" "narrowed" Response Unproven
        "Of the hundred only those may come that are declared by themselves."
    ERROR_ADDED "error" "added" Response Safe
        "Whoever calls over a network had to expect errors that nobody declares."
    ERROR_REMOVED "error" "removed" Response Unproven
        "Whoever acts upon this error may not be told of it any longer."
    ANSWER_MEDIA_ADDED "answer-media" "added" Response Unproven
        "Whoever does not say what it reads may get a kind that it cannot read."
    ANSWER_MEDIA_REMOVED "answer-media" "removed" Response Breaking
        "Whoever reads this kind gets none."
    ANSWER_MEDIA_NARROWED "answer-media" "narrowed" Response Unproven
        "Of the range only those kinds may come that are declared by themselves."
    HEADER_ADDED "header" "added" Response Safe
        "Whoever does not know it passes over it."
    HEADER_REMOVED "header" "removed" Response Breaking
        "Whoever reads it does not find it, though it always came."
    HEADER_DROPPED "header" "dropped" Response Unproven
        "Whoever read it where it came does not find it any longer."
    HEADER_OPTIONAL "header" "optional" Response Breaking
        "It always came and may be missing now."
    HEADER_REQUIRED "header" "required" Response Safe
        "It always comes."
    HEADER_STYLE "header-style" "changed" Response Breaking
        "The same value is written otherwise."
    HEADER_CONTENT "header-content" "changed" Response Unproven
        "What the header carries is written otherwise."
    LINK_ADDED "link" "added" Response Safe
        "Nobody follows it yet."
    LINK_REMOVED "link" "removed" Response Breaking
        "Whoever follows it finds nothing."
    LINK_CHANGED "link" "changed" Response Unproven
        "It leads elsewhere, or with other values."
    SECURITY_REQUIRED "security" "required" Request Breaking
        "Whoever asks without proving who it is gets refused."
    SECURITY_LIFTED "security" "lifted" Request Safe
        "Requests with a proof are accepted as before."
    SECURITY_REMOVED "security" "removed" Request Breaking
        "Whoever proves itself in this way gets refused."
    SECURITY_ADDED "security" "added" Request Safe
        "The other ways to prove oneself stay."
    SCOPE_ADDED "scope" "added" Request Breaking
        "Tokens that were enough lack a scope."
    SCOPE_REMOVED "scope" "removed" Request Safe
        "Tokens that were enough still are."
    SCHEME_CHANGED "security-scheme" "changed" Request Breaking
        "The proof is another one, or stands elsewhere."
    SCHEME_MOVED "security-scheme" "moved" Request Unproven
        "Tokens are to be had from another address, or by another flow."
    SCHEME_REMOVED "security-scheme" "removed" Request Unproven
        "A way to prove oneself is not described any longer."
    SCHEME_ADDED "security-scheme" "added" Request Safe
        "It counts for nothing until an operation asks for it."
    SERVER_ADDED "server" "added" Both Safe
        "The other addresses stay."
    SERVER_REMOVED "server" "removed" Both Breaking
        "Whoever calls this address gets nothing."
    SERVER_STATED "server" "stated" Both Unproven
        "Nothing said where it is called; whether it was at one of these addresses cannot be told."
    SERVER_VARIABLE "server-variable" "changed" Both Unproven
        "The address is made of other values where nobody says which."
    SERVER_VALUE_ADDED "server-value" "added" Both Safe
        "Addresses that are made of the other values stay."
    SERVER_VALUE_REMOVED "server-value" "removed" Both Breaking
        "Whoever calls an address that is made of another value gets nothing."
    CALLBACK_ADDED "callback" "added" Both Unproven
        "Whoever gives an address may be called in a way that it does not know."
    CALLBACK_REMOVED "callback" "removed" Both Breaking
        "Whoever waits for the call waits in vain."
    CALLBACK_CHANGED "callback" "changed" Both Unproven
        "What is called, and what is expected of the answer, is not taken apart."
    WEBHOOK_ADDED "webhook" "added" Both Safe
        "Nobody is called who did not ask for it."
    WEBHOOK_REMOVED "webhook" "removed" Both Breaking
        "Whoever waits for the call waits in vain."
    WEBHOOK_CHANGED "webhook" "changed" Both Unproven
        "What is called, and what is expected of the answer, is not taken apart."
    DIALECT_CHANGED "dialect" "changed" Both Unproven
        "Schemas mean something else, in a dialect that is not known here."
    OTHER "other" "changed" Both Unproven
        "No class says what is different, and so not what it means."
    REFERENCE_UNRESOLVED "reference" "unresolved" Both Unproven
        "What stands there is not within the document."
}
