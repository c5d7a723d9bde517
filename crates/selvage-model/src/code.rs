//! The catalogue of codes: every error, finding and refusal that a person can meet has one, and a page docs/errors/CODE.md.
//! Grouped: 1 reading manifests, 2 lint, 3 mapping, 4 gateway, 5 engine, 6 connectors, 7 store and event log, 8 command line and console.

use std::fmt;

/// One code, as `FAB2107`. Made only from the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! catalogue {
    ($($name:ident = $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code($code);)*

        /// Every code with its title, in order.
        pub const CATALOGUE: &[(Code, &str)] = &[$(($name, $title)),*];
    };
}

catalogue! {
    // 1 reading manifests
    NOT_UTF8 = "FAB1001", "The file is not UTF-8 text";
    TOO_LARGE = "FAB1002", "The file, or the fabric, is too large";
    NOT_YAML = "FAB1003", "The file is not valid YAML";
    TOO_DEEP = "FAB1004", "The document is nested too deeply or expands too far";
    UNKNOWN_KIND = "FAB1005", "The document has no kind, or an unknown one";
    UNKNOWN_FIELD = "FAB1006", "A field that this kind does not have";
    MISSING_FIELD = "FAB1007", "A required field is missing";
    WRONG_TYPE = "FAB1008", "The value has the wrong shape";
    BAD_VALUE = "FAB1009", "The value is not one that this field takes";
    DUPLICATE_KEY = "FAB1010", "The same key stands twice in one mapping";
    DUPLICATE_THING = "FAB1011", "Two manifests declare the same thing";
    UNREADABLE = "FAB1012", "The file or directory cannot be read";
    FIELDS_CLASH = "FAB1013", "Fields that exclude each other";
    NAMED_FILE = "FAB1014", "A file that a manifest names is not there";
    BAD_CONTRACT = "FAB1015", "The OpenAPI contract cannot be used";
    MORE_FINDINGS = "FAB1016", "The file has more findings than are shown";
    EXTENDS_UNKNOWN = "FAB1017", "What is extended is in no pack that the fabric takes";
    EXTENDED_TWICE = "FAB1018", "Two documents extend one thing of a pack";
    EXTENDS_NOTHING = "FAB1019", "An override that overrides nothing";
    AUTHORITIES_UNFIT = "FAB1021", "The authorities of a system cannot be used";
    TLS_UNSPOKEN = "FAB1022", "TLS is declared where it is not spoken so";
    // 2 lint
    NAME_UNKNOWN = "FAB2001", "A name that nothing declares";
    CYCLE = "FAB2002", "Things that wait for each other";
    SECRET_INLINE = "FAB2003", "A secret stands in a manifest";
    FABRIC_MISSING = "FAB2004", "No manifest declares the fabric";
    EXPRESSION_BROKEN = "FAB2005", "The expression cannot be read";
    INTERFACE_OWNER = "FAB2101", "The interface has no owner";
    INTERFACE_CLASS = "FAB2102", "The interface is not classified";
    TIER_1_SLO = "FAB2103", "A tier-1 interface promises nothing";
    DIRECT_ERP = "FAB2104", "Odoo's own records are exposed";
    INTERFACE_DOMAIN = "FAB2105", "The interface does not say which domain governs it";
    VERB_UNFIT = "FAB2106", "The object does not have this operation";
    LIST_UNPAGED = "FAB2107", "A list without paging";
    OBJECT_UNMAPPED = "FAB2108", "No mapping leads from the object to the system";
    OBJECT_UNSERVED = "FAB2109", "The system's connector does not serve objects";
    DEPRECATION_OPEN = "FAB2110", "Deprecated without a sunset or a successor";
    SUNSET_PASSED = "FAB2111", "The sunset has passed";
    SUCCESSOR_GONE = "FAB2112", "The successor is not active";
    DIRECT_UNCHECKED = "FAB2113", "A mediated interface says that it is not checked";
    PACK_UNMET = "FAB2114", "A pack names what the fabric does not declare";
    MAPPING_UNVERIFIED = "FAB2115", "A mapping that was never tried is served";
    VERB_AT_RISK = "FAB2116", "A verb is offered whose unknown outcome goes to a person";
    RECOVERY_UNMET = "FAB2117", "A recovery target that the capture cannot meet";
    CAPTURE_GAP = "FAB2118", "A capture that misses what is committed late";
    RECOVERY_SILENT = "FAB2119", "A tier-1 interface without recovery targets";
    ISSUER_OPEN = "FAB2120", "The keys of an issuer are fetched without TLS";
    ISSUER_ENVIRONMENT = "FAB2121", "An issuer that is not known in every environment";
    IDENTITY_TWICE = "FAB2122", "Two consumers have one identity";
    CONDITION_UNFIT = "FAB2123", "The condition of a grant cannot be judged";
    KEY_ENDLESS = "FAB2124", "Keys may live for ever";
    REAL_TIME_BY_BATCH = "FAB2125", "Real-time by a way that is not";
    BATCH_BY_HASTE = "FAB2126", "A batch that is asked for all the time";
    PROMISE_UNFIT = "FAB2127", "A promise of latency that says nothing or cannot be kept";
    WRITE_UNREPEATABLE = "FAB2128", "A write that cannot be sent again safely";
    ERRORS_UNTOLD = "FAB2129", "Errors without a form";
    KEY_IN_ADDRESS = "FAB2130", "A key in the address";
    CONTRACT_SECURITY = "FAB2131", "A contract that does not say who may call";
    PARAMETER_UNDECLARED = "FAB2132", "A parameter of the path that nothing declares";
    SYSTEMS_SHOW = "FAB2133", "The same interface once for each system";
    FORMAT_LEAKS = "FAB2134", "A sender's own format is passed on";
    VERSION_IN_NAME = "FAB2135", "A version in a name";
    OLDER_ACTIVE = "FAB2136", "An older version is active beside a newer one";
    SUNSET_HURRIED = "FAB2137", "A sunset that comes too soon";
    SUCCESSOR_LESS = "FAB2138", "The successor does less";
    EVENT_COMMAND = "FAB2139", "An event that is a command";
    EVENT_LANE = "FAB2140", "Events without a lane";
    EVENT_RETENTION = "FAB2141", "Events that are kept for no time";
    LANE_UNKNOWN = "FAB2142", "A lane that is no attribute";
    EVENT_PRODUCERS = "FAB2143", "An event with two producers";
    COPY_DELETES = "FAB2144", "A copy that never forgets";
    COPY_AGE = "FAB2145", "A copy that is older than is promised";
    CAPTURE_RECORD = "FAB2146", "A capture of another record";
    FILE_QUARANTINE = "FAB2147", "Files without a quarantine";
    FILE_ARCHIVE = "FAB2148", "Files that are not archived";
    FILE_MESSAGE = "FAB2149", "Partner files of no said message";
    WEBHOOK_UNSIGNED = "FAB2150", "A webhook that is not signed";
    TIER_1_ON_LESS = "FAB2151", "Tier-1 that stands on less";
    PERSONAL_DATA = "FAB2152", "Data about people without its class";
    WRITES_ELSEWHERE = "FAB2153", "Writes go to a system that is not the record";
    NOTHING_TO_KEEP = "FAB2154", "Answers are kept where nothing is read";
    CLASS_UNKNOWN = "FAB2156", "A class of data that nothing declares";
    CLASS_UNUSED = "FAB2157", "A grant sees a class of data that is not carried";
    CLASS_NEVER_NULL = "FAB2158", "What is masked would break its contract";
    CLASS_OF_KEY = "FAB2159", "A business key that carries a class of data";
    CLASS_UNSAID = "FAB2160", "Data of a class under a lower label";
    EXCEPT_RENAMED = "FAB2161", "A query language names what a grant leaves out otherwise";
    HINTS_UNHEARD = "FAB2165", "Hints that no capture hears";
    CAPTURE_UNHINTED = "FAB2166", "A capture that listens to hints which nobody sends";
    GRANT_PURPOSE = "FAB2201", "The grant has no purpose";
    GRANT_END = "FAB2202", "The grant has no end";
    GRANT_OPERATION = "FAB2203", "The interface does not have the operation";
    GRANT_DIRECT = "FAB2204", "Rows or attributes of a direct interface cannot be told apart";
    GRANT_ATTRIBUTE = "FAB2205", "The object does not have the attribute";
    GRANT_ROWS = "FAB2206", "The rows cannot be told apart";
    GRANT_OUTLIVES = "FAB2207", "The grant outlives its interface";
    GRANT_OVER = "FAB2208", "The grant has ended";
    GRANT_CREATE = "FAB2209", "The grant leaves out what a create needs";
    GRANT_CUT = "FAB2210", "The end of a grant stops tier-1";
    SUBSCRIPTION_EVENT = "FAB2211", "The interface does not have the event";
    GRANT_LONG = "FAB2212", "A grant that lasts for years";
    GRANT_WIDENED = "FAB2213", "A narrow grant beside a wide one";
    GRANT_RETIRED = "FAB2215", "A grant on what is retired";
    CONSUMER_STAYS = "FAB2216", "A consumer that cannot move in time";
    CONSUMER_IDLE = "FAB2217", "A consumer that uses nothing";
    GRANT_UNBOUNDED = "FAB2218", "A grant that may use tier-1 up";
    IDENTITY_WEAK = "FAB2219", "Restricted data for whoever has a key";
    DELIVERY_UNSIGNED = "FAB2220", "Deliveries that are not signed";
    SUBSCRIPTION_SILENT = "FAB2221", "A subscription to what sends nothing";
    WEBHOOK_OPEN = "FAB2230", "A secret path that is open to everybody";
    WEBHOOK_NOWHERE = "FAB2231", "A webhook whose event no interface has";
    WEBHOOK_SECRETS = "FAB2232", "A webhook without the secrets that prove its calls";
    WEBHOOK_OBJECT = "FAB2233", "A webhook makes another object than its event carries";
    WEBHOOK_RECORD = "FAB2234", "A record of a webhook that no mapping makes into its object";
    WEBHOOK_ALIKE = "FAB2235", "Two calls that say the same are one";
    SUBSCRIPTION_TWICE = "FAB2240", "Two subscriptions of one consumer with one name";
    SIGNED_BY = "FAB2241", "Signed deliveries and their secret do not go together";
    SUBSCRIPTION_UNGRANTED = "FAB2242", "A subscription without a grant";
    DELIVERY_CLOSED = "FAB2250", "Deliveries to this address are refused";
    NETWORK_WIDE = "FAB2251", "A granted network is more than one's own";
    EVENT_WHEN_UNFIT = "FAB2256", "A condition of an event type that does not fit its object";
    COPY_UNKEPT = "FAB2257", "Reads from a copy that is not kept";
    ENVIRONMENT_MISSING = "FAB2301", "A used system is not declared for an environment";
    SYSTEM_ACCESS = "FAB2302", "A used system has no address or account";
    SYSTEM_OVERLOADED = "FAB2303", "More may be asked of a system than it bears";
    ACCOUNT_SHARED = "FAB2304", "Two accounts that are one login";
    ACCOUNT_ADMINISTRATOR = "FAB2305", "An account that may do everything";
    ADDRESS_PLAIN = "FAB2306", "A protected environment in the clear";
    ENVIRONMENTS_MIXED = "FAB2307", "What is tried out touches what is earnest";
    SYSTEM_IDLE = "FAB2308", "A system that nothing uses";
    UNIT_DIMENSION = "FAB2401", "A unit that is unknown or measures something else";
    AUTHORITY_CONFLICT = "FAB2402", "Two records for one attribute";
    OBJECT_IDLE = "FAB2403", "An object or mapping that nothing uses";
    WAIVER_OVER = "FAB2501", "The waiver has ended";
    WAIVER_IDLE = "FAB2502", "The waiver sets nothing aside";
    WAIVER_REFUSED = "FAB2503", "The rule cannot be waived";
    QUORUM = "FAB2504", "The board cannot decide";
    WAIVER_ENDS = "FAB2505", "The waiver ends soon";
    TEAM_EMPTY = "FAB2506", "A team without people";
    NOBODY_ON_CALL = "FAB2507", "Nobody is on call for tier-1";
    OWN_RULE_NAME = "FAB2508", "A rule of this fabric has the name of a built-in one";
    OWN_RULE_CASE = "FAB2509", "A test of a rule does not hold";
    FLOW_INTERFACE = "FAB2601", "The flow and its interface do not belong together";
    STEP_UNDONE = "FAB2602", "A step that nothing undoes";
    PIVOTS = "FAB2603", "Two pivots, or one that can be undone";
    APPROVAL_OPEN = "FAB2604", "An approval without a time";
    WAIT_OPEN = "FAB2605", "A wait without an end";
    FLOW_LANE = "FAB2606", "Runs that may overtake each other";
    OWN_RULE = "FAB2901", "A rule of this fabric";
    OWN_RULE_FAILED = "FAB2902", "A rule of this fabric cannot be applied";
    // 3 mapping
    MAPPING_ATTRIBUTE = "FAB3001", "The mapping and its object do not agree on attributes";
    MAPPING_LENS = "FAB3002", "The lens does not fit the attribute";
    MAPPING_REFERENCE = "FAB3003", "A reference that this system cannot show or follow";
    MAPPING_CODES = "FAB3004", "A code set or unit that the mapping cannot use";
    MAPPING_EXPRESSION = "FAB3005", "The expression is not valid, or not allowed to grow so large";
    MAPPING_OVERLAP = "FAB3006", "Two attributes write the same field";
    MAPPING_VERSION = "FAB3007", "The mapping is not for this version of the system";
    CODE_UNMATCHED = "FAB3101", "A word that the code set does not have";
    REFERENCE_UNRESOLVED = "FAB3102", "A reference that leads to nothing";
    UNIT_MISMATCH = "FAB3103", "A unit that is unknown, measures something else or does not convert exactly";
    VALUE_SHAPE = "FAB3104", "The value has not the shape that the attribute needs";
    NOT_WRITABLE = "FAB3105", "The attribute is read only";
    NOT_FILTERABLE = "FAB3106", "The attribute cannot be searched by";
    EXAMPLE_FAILED = "FAB3201", "An example of the mapping does not hold";
    LAW_BROKEN = "FAB3202", "A law of lenses does not hold for the mapping";
    // 4 gateway refusals
    UNDECLARED = "FAB4001", "No interface declares this path";
    METHOD_UNDECLARED = "FAB4002", "The path does not take this method";
    RETIRED = "FAB4003", "The interface is retired";
    BLOCKED = "FAB4004", "The interface is blocked";
    MALFORMED = "FAB4005", "The request is malformed";
    KEY_MISSING = "FAB4010", "The request has no key";
    KEY_UNKNOWN = "FAB4011", "The key is not known";
    KEY_ENDED = "FAB4012", "The key has expired or was revoked";
    NO_GRANT = "FAB4020", "The consumer has no grant for this interface";
    NOT_GRANTED = "FAB4021", "The grant does not include this operation";
    GRANT_ENDED = "FAB4022", "The grant has ended";
    IDEMPOTENCY_KEY_MISSING = "FAB4030", "A write needs an Idempotency-Key";
    IDEMPOTENCY_KEY_BAD = "FAB4031", "The Idempotency-Key cannot be used";
    BODY_NOT_JSON = "FAB4032", "The body is not JSON as it must be";
    BODY_TYPE = "FAB4033", "The body has another media type than JSON";
    BODY_TOO_LARGE = "FAB4034", "The body is too large";
    BODY_TOO_SLOW = "FAB4035", "The body did not arrive in time";
    GRANT_RATE = "FAB4040", "The grant's rate is used up";
    INTERFACE_RATE = "FAB4041", "The interface's rate or quota is used up";
    INTERFACE_BUSY = "FAB4042", "The interface has as many requests in hand as it bears";
    UPSTREAM_UNREACHABLE = "FAB4050", "The upstream system cannot be reached";
    UPSTREAM_TIMEOUT = "FAB4051", "The upstream system did not answer in time";
    UPSTREAM_BROKE = "FAB4052", "The upstream system broke off its answer";
    OUTCOME_LATE = "FAB4053", "The answer was not ready in time";
    OPERATION_UNKNOWN = "FAB4054", "There is no such operation for this consumer";
    UPSTREAM_ADDRESS = "FAB4060", "A direct interface's system cannot be reached in this environment";
    CONTRACT_PATH = "FAB4061", "A path of the contract cannot be routed";
    CONTRACT_ABSENT = "FAB4062", "A direct interface's contract is not among the files";
    HEAD_TOO_LARGE = "FAB4070", "The head of the request is too large";
    LISTENER_TLS = "FAB4071", "TLS cannot be spoken with the listener's files";
    TOKEN_MALFORMED = "FAB4080", "The token cannot be read";
    TOKEN_ISSUER = "FAB4081", "The token is of an issuer that is not known here";
    TOKEN_ALGORITHM = "FAB4082", "The token is signed in a way that its issuer does not sign";
    TOKEN_KEY = "FAB4083", "The token is signed with a key that its issuer does not show";
    TOKEN_SIGNATURE = "FAB4084", "The token's signature is wrong";
    TOKEN_AUDIENCE = "FAB4085", "The token is for somebody else";
    TOKEN_TIME = "FAB4086", "The token is not valid at this time";
    TOKEN_SUBJECT = "FAB4087", "No consumer is whom the token names";
    ISSUER_KEYS_ABSENT = "FAB4088", "The issuer's keys are not there yet";
    CERTIFICATE_UNKNOWN = "FAB4089", "No consumer is whom the certificate names";
    CONDITION_FALSE = "FAB4090", "The condition of the grant does not hold";
    CONDITION_FAILED = "FAB4091", "The condition of the grant cannot be judged";
    TOKEN_REQUEST = "FAB4092", "The request for a token is not right";
    CLIENT_REFUSED = "FAB4093", "The client is not known, or its secret is wrong";
    TOKEN_RATE = "FAB4094", "The client asks for too many tokens";
    KEY_FOR_TOKENS = "FAB4095", "The key gets tokens and opens nothing by itself";
    LIMIT_CUT_OFF = "FAB4100", "The limits' store cannot be reached";
    GRANT_QUOTA = "FAB4101", "The grant's quota is used up";
    UPSTREAM_BUSY = "FAB4102", "The system has as many requests in hand as it bears";
    UPSTREAM_RESTS = "FAB4103", "The system failed too often and is left alone";
    NODE_BUSY = "FAB4104", "The node has as many requests in hand as it takes";
    REQUEST_UNFIT = "FAB4120", "The request does not fit the contract";
    BODY_TYPE_UNDECLARED = "FAB4121", "The contract declares no body of this media type";
    BODY_UNCHECKED = "FAB4122", "The body is larger than what is checked";
    BODY_CODED = "FAB4123", "The body is compressed, so it cannot be checked";
    RESPONSE_UNFIT = "FAB4124", "The upstream's answer does not fit the contract";
    RESPONSE_UNCHECKED = "FAB4125", "The upstream's answer cannot be checked";
    CONTRACT_UNCHECKABLE = "FAB4126", "A schema of the contract cannot be checked against";
    ATTRIBUTE_WITHHELD = "FAB4127", "The request touches what the grant leaves out";
    ROWS_WITHHELD = "FAB4128", "The grant does not cover these rows";
    ANSWER_UNSHOWN = "FAB4129", "The answer cannot be shown without what the grant leaves out";
    ACCESS_UNHEARD = "FAB4140", "The node cannot hear whether keys and grants still hold";
    CONSUMER_BLOCKED = "FAB4141", "The consumer is blocked";
    NOT_KEPT = "FAB4150", "No answer is kept that would do";
    ATTRIBUTE_MASKED = "FAB4160", "The request touches what is masked for the grant";
    WORDS_MASKED = "FAB4161", "The upstream system's words are kept back: they may tell of what is masked";
    UPSTREAM_UNPROVEN = "FAB4170", "The upstream system does not prove who it is";
    NODE_UNPROVEN = "FAB4171", "The upstream system does not take the node's certificate";
    CLIENT_PROOF_UNFIT = "FAB4172", "The certificate that a node shows to a system cannot be used";
    BODIES_HELD = "FAB4173", "The node holds as many bytes of bodies as it takes";
    CERTIFICATE_ENDED = "FAB4174", "The client's certificate has ended";
    CONTENT_UNREAD = "FAB4180", "Bodies of this media type are not checked, though checks are enforced";
    FORM_BROKEN = "FAB4181", "The body is not a form that can be read";
    EVENT_FORM = "FAB4182", "This is no CloudEvent";
    EVENT_MODE = "FAB4183", "Events are not sent in this way";
    EVENT_BATCH = "FAB4184", "The batch has more events than one request may";
    WEBHOOK_UNPROVEN = "FAB4200", "A call of a webhook is not proven to be its sender's";
    WEBHOOK_ID = "FAB4201", "A call of a webhook has no id that can be used";
    WEBHOOK_SECRET_UNFIT = "FAB4202", "A secret of a webhook cannot be used";
    WEBHOOK_UNHEARD = "FAB4203", "Nobody takes the calls of a webhook";
    PULL_UNFIT = "FAB4220", "What is asked of the events cannot be read";
    GROUP_HELD = "FAB4221", "Another member has the turn of the group";
    GROUP_FENCED = "FAB4222", "The turn of the group was lost";
    GROUP_UNKNOWN = "FAB4223", "The consumer has no such group";
    GROUPS_MANY = "FAB4224", "The consumer has too many groups";

    // 5 engine
    NOT_SERVED = "FAB5001", "The active release does not serve this";
    WRITE_WITHOUT_KEY = "FAB5002", "The write came without a key";
    KEY_IN_FLIGHT = "FAB5003", "A request with this key is being worked on";
    KEY_REUSED = "FAB5004", "The key was used for another request";
    CLAIM_LATE = "FAB5005", "The key could not be claimed in time";
    QUERY_UNUSABLE = "FAB5006", "A query parameter that this list does not take";
    CURSOR_FOREIGN = "FAB5007", "The cursor does not belong to this list";
    RECORD_UNKNOWN = "FAB5008", "There is no such record, or it is not yours to see";
    KEY_AMBIGUOUS = "FAB5009", "Several records have this business key";
    BODY_UNFIT = "FAB5010", "The body does not fit the object";
    OUTSIDE_ROWS = "FAB5011", "The grant does not cover this row";
    ATTRIBUTE_EXCEPTED = "FAB5012", "The grant leaves this attribute out";
    AUTHORITY_ELSEWHERE = "FAB5013", "Another system is the record for this attribute";
    SYSTEM_LATE = "FAB5014", "The system did not answer in time";
    GIVEN_BACK = "FAB5015", "The system could not take the write, and nothing was done";
    RECORD_UNSETTLED = "FAB5016", "An earlier write on this record is not settled";
    RECORD_UNSHOWABLE = "FAB5017", "The record cannot be shown as its object";
    NOT_AS_MEANT = "FAB5018", "What stands in the system is not what was meant";
    OUTCOME_UNFOUND = "FAB5019", "The outcome could not be found";
    VERSION_UNMAPPED = "FAB5020", "No mapping fits the version of the system";
    COMPANY_UNBOUND = "FAB5021", "The site has no company that the account sees";
    QUALITY_UNBOUND = "FAB5030", "The site does not say where quarantine is";
    SITE_UNCLEAR = "FAB5031", "It is not clear at which site";
    RECORD_CHANGED = "FAB5040", "The record has changed since it was read";
    NOT_STUCK = "FAB5041", "The operation is not a person's to settle";
    SETTLED_REFUSED = "FAB5042", "A person found that the write was not done";
    EVENT_OFF_CONTRACT = "FAB5050", "The event does not fit its contract";
    EVENT_UNPLACED = "FAB5051", "The event has no place in this interface";
    EVENT_ID_TAKEN = "FAB5052", "Another event has this source and id";
    EVENTS_UNTAKEN = "FAB5053", "No events can be taken at the moment";
    CALL_UNFIT = "FAB5070", "What a call of a webhook says does not fit";
    CALL_ID_REUSED = "FAB5071", "The id of a call was used for another";
    CALL_UNPLACED = "FAB5072", "A call of a webhook has no stream to go to";
    ENDPOINT_GONE = "FAB5080", "An endpoint wants nothing more";
    DEAD_LETTER = "FAB5081", "A message became a dead letter, and its lane is parked";
    DELIVERY_LATE = "FAB5082", "Deliveries are later than agreed";
    PROBE_UNTAKEN = "FAB5083", "An endpoint does not take its probe";
    ENDPOINT_DOWN = "FAB5084", "An endpoint takes nothing";
    LANES_PARKED = "FAB5085", "Too many lanes of a subscription are parked";
    EVENTS_PASSED = "FAB5086", "Deliveries went on behind events that the log does not have";
    SUBSCRIPTION_UNREACHABLE = "FAB5087", "A subscription has no address to deliver to";
    SYSTEM_ABSENT = "FAB5101", "A mediated interface's system is not declared for this environment";
    SECRET_ABSENT = "FAB5102", "The secret of a system's account is not there";
    CONNECTOR_UNFIT = "FAB5103", "The system's connector does not serve objects";
    MAPPING_ABSENT = "FAB5104", "No mapping leads from the object to the system";
    OPERATION_UNFIT = "FAB5105", "The record does not have this operation";
    OPERATION_PARKED = "FAB5110", "The operation is parked: the system lacks what it needs";
    NEED_MODEL = "FAB5111", "A model that an operation needs is not there";
    NEED_FIELD = "FAB5112", "A field that an operation needs is not there";
    NEED_FIELD_UNFIT = "FAB5113", "A field is not of the form that its mapping needs";
    NEED_RIGHT = "FAB5114", "The account lacks a right that an operation needs";
    NEED_WORDS = "FAB5115", "A selection has words that the mapping does not know";
    ENDPOINT_CLOSED = "FAB5120", "The endpoint is at an address to which nothing is sent";
    ENDPOINT_UNRESOLVED = "FAB5121", "The endpoint's name leads nowhere";
    ENDPOINT_UNREACHABLE = "FAB5122", "There is no connection to the endpoint";
    ENDPOINT_UNPROVEN = "FAB5123", "The endpoint and the node do not come to terms over TLS";
    ENDPOINT_LATE = "FAB5124", "The endpoint did not answer in time";
    ENDPOINT_BROKEN = "FAB5125", "The connection ended before the endpoint answered";
    ENDPOINT_NO_HTTP = "FAB5126", "What came from the endpoint is no answer of HTTP";
    SIGNING_SECRET = "FAB5127", "The secret of an endpoint does not sign";
    ENDPOINT_REDIRECTS = "FAB5128", "The endpoint leads elsewhere";
    ENDPOINT_FAILS = "FAB5129", "The endpoint answers with an error";
    MESSAGE_REFUSED = "FAB5130", "The endpoint will never take the message";
    ENDPOINT_RESTS = "FAB5131", "The endpoint is left alone for a while";
    READER_BEHIND = "FAB5132", "A reader has not read what retention would take";
    CAPTURE_WENT_BACK = "FAB5140", "The system went back behind what was captured of it";
    CAPTURE_MANY_GONE = "FAB5141", "More records are gone at once than are told unasked";
    CAPTURE_UNJUDGED = "FAB5142", "It cannot be judged which fact a change is";
    CAPTURE_UNTOLD = "FAB5143", "A captured record makes no event";
    COPY_STALE = "FAB5144", "The copy is older than it may be";
    COPY_UNREADY = "FAB5145", "The copy does not have all records yet";
    // 6 connectors
    ODOO_TRY_AGAIN = "FAB6001", "Odoo rolled the call back; it may be sent again";
    ODOO_REFUSED = "FAB6002", "Odoo refused the values";
    ODOO_ACCESS = "FAB6003", "The account may not do this in Odoo";
    ODOO_MISSING = "FAB6004", "The record, model or method does not exist in Odoo";
    ODOO_WIZARD = "FAB6005", "Odoo asks a person instead of doing it";
    ODOO_MISMATCH = "FAB6006", "What stands in Odoo is not what was meant";
    ODOO_UNAUTHENTICATED = "FAB6007", "Odoo does not accept the login or its key";
    ODOO_UNREACHABLE = "FAB6008", "Odoo could not be reached; nothing was sent";
    ODOO_UNAVAILABLE = "FAB6009", "Odoo did not answer a read";
    ODOO_UNKNOWN = "FAB6010", "Whether Odoo did it is unknown";
    ODOO_PROTOCOL = "FAB6011", "The answer is not Odoo's";
    ODOO_TARGET = "FAB6012", "The order cannot come to this target";
    ODOO_LOT = "FAB6013", "A lot is missing, or the order carries another";
    ODOO_UNSENDABLE = "FAB6014", "The value has no form that Odoo takes";
    ODOO_CONFIG = "FAB6015", "The connection to Odoo is not configured";
    ODOO_KEY_ENDS = "FAB6016", "The key of an account ends soon, or has ended";
    SYSTEM_BUSY = "FAB6020", "The call was not begun: the system's limits leave no room";
    ODOO_DATABASE = "FAB6025", "The server has no such database";
    // 7 store and event log
    ODOO_QUANTITY = "FAB6030", "The quantity cannot be booked";
    ODOO_PERIOD = "FAB6031", "The books of the company are closed";
    ODOO_SHORT = "FAB6032", "There is less than is to be moved";
    ODOO_LOT_UNFIT = "FAB6033", "The lot does not fit the goods";
    CONTRACT_UNMADE = "FAB6040", "No contract can be made of the interface";
    FABRIC_EXISTS = "FAB6041", "There is a fabric in the directory already";
    NEW_UNFIT = "FAB6042", "The manifest cannot be written as was asked";
    FMT_KEPT = "FAB6043", "The file is left as it is";
    IMPORT_UNREADABLE = "FAB6060", "The contract cannot be read";
    IMPORT_VERSION = "FAB6061", "The contract is of another kind or version";
    IMPORT_REFERENCE = "FAB6062", "The contract refers to what is not followed";
    IMPORT_THERE = "FAB6063", "What would be drafted is there already";
    IMPORT_EMPTY = "FAB6064", "The contract has nothing of what was asked for";
    STORE_UNAVAILABLE = "FAB7001", "The store cannot be reached, is overloaded, or has no space";
    STORE_DAMAGED = "FAB7002", "The store is damaged";
    STORE_NEWER = "FAB7003", "The store was made by a newer version of Selvage";
    FENCED = "FAB7004", "The operation was taken over, or has its outcome";
    STORE_ADDRESS = "FAB7005", "The store's address cannot be used";
    NOT_IN_STORE = "FAB7006", "The store has no such thing";
    CROSS_REFERENCE_TAKEN = "FAB7007", "The record or the business key is linked to another";
    LEDGER_BROKEN = "FAB7008", "The ledger is not whole";
    STORE_REFUSED = "FAB7009", "The database refused a statement";
    STORE_UNSAFE = "FAB7010", "The database may lose what it acknowledged";
    EVENT_UNFIT = "FAB7011", "The log does not take the event";
    LOG_GAP = "FAB7012", "The log lost events that it had acknowledged";
    EVENT_DAMAGED = "FAB7013", "An event in the log is damaged";
    EVENTS_MISSING = "FAB7014", "Events are missing from the middle of the log";
    POSITION_AHEAD = "FAB7015", "The position is ahead of the log";
    EVENTS_RETIRED = "FAB7016", "Retention has taken events that the reader had not read";
    STREAM_UNOPENED = "FAB7017", "The log has no such stream";
    LOG_UNAVAILABLE = "FAB7018", "The log cannot be reached or is overloaded";
    LOG_FULL = "FAB7019", "The log has no space left";
    CURSOR_FENCED = "FAB7020", "Another node moves the cursor";
    MARK_UNUSABLE = "FAB7021", "The mark of the log cannot be used";
    BROKER_UNSAFE = "FAB7022", "The broker may lose what it acknowledges";
    BROKER_UNFIT = "FAB7023", "The broker cannot keep the log";
    LOG_WRITER_BROKE_OFF = "FAB7024", "A writer of the log broke off";
    SUBSCRIPTION_STANDS = "FAB7030", "The subscription does not stand so that this can be done";
    DEAD_LETTER_SETTLED = "FAB7031", "The dead letter is settled already";
    NO_REPLAY = "FAB7032", "The subscription cannot be replayed so";
    CAPTURE_FENCED = "FAB7040", "The capture was taken over";

    // 8 command line, configuration, console
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
}

/// The code of this text, where the catalogue has it.
pub fn find(text: &str) -> Option<(Code, &'static str)> {
    CATALOGUE.iter().find(|(code, _)| code.0.eq_ignore_ascii_case(text)).copied()
}
