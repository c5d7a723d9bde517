//! A route of the control API: what serves it, and all that its description says. The table of routes makes both, so that nothing is
//! served that is not described.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use selvage_model::code::Code;
use serde_json::Value;

use super::{Api, missing, not_allowed};

/// What documents in YAML are sent as.
pub(super) const YAML: &str = "application/yaml";

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever shows an operator's key.
    Anybody,
    /// Who sits on the board of the domain or of the group, and owners in a team of the domain.
    Owners,
    /// The same; and, for an emergency, who is on call there.
    Proposers,
    /// Who sits on such a board; and, for an emergency, owners and who is on call in a team of the domain.
    Activators,
    /// Who sits on such a board, and who is on call in a team of the domain; from an emergency, owners too.
    OnCall,
    /// Boards, owners and who is on call.
    Operators,
    /// Those whose decision the change takes; anybody comments.
    Seats,
    /// Who sits on the seat.
    Seated,
    /// Who lent the seat, who fills it, and who sits over them.
    Lenders,
    /// Who proposed it.
    Author,
    /// Who decides about access to the interface, and neither asked for it nor opened it.
    Deciders,
    /// Owners and who is on call, in the team that owns the consumer or the interface, and the boards over them.
    EitherSide,
    /// What a block or a key is of: who answers for the consumer, and boards, owners and who is on call in its domain or the interface's.
    Cutters,
    /// Who sits over those who answer: the board of the domain or of the group, or owners where nobody sits.
    Overseers,
    /// Who has a role that the interface lets replay its events.
    Replayers,
}

impl Who {
    /// Its word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "operator",
            Self::Owners => "board-or-owner",
            Self::Proposers => "board-or-owner-or-raiser",
            Self::Activators => "board-or-raiser",
            Self::OnCall => "board-or-on-call",
            Self::Operators => "board-or-owner-or-on-call",
            Self::Seats => "seat",
            Self::Seated => "seated",
            Self::Lenders => "lender",
            Self::Author => "author",
            Self::Deciders => "decider",
            Self::EitherSide => "either-side",
            Self::Cutters => "cutter",
            Self::Overseers => "overseer",
            Self::Replayers => "replayer",
        }
    }

    /// The same in a sentence.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Anybody => "Every operator may.",
            Self::Owners => {
                "Who sits on the board of the domain or of the group may, and owners in a team of the domain."
            }
            Self::Proposers => {
                "Who sits on the board of the domain or of the group may, and owners in a team of the domain; an emergency is raised by who is on \
                 call there, too."
            }
            Self::Activators => {
                "Who sits on the board of the domain or of the group may; what was released in an emergency owners and who is on call in a team of \
                 the domain may, too."
            }
            Self::OnCall => {
                "Who sits on the board of the domain or of the group may, and who is on call in a team of the domain; from an emergency owners may, \
                 too."
            }
            Self::Operators => {
                "Who sits on the board of the domain or of the group may, and owners and who is on call in a team of the domain."
            }
            Self::Seats => {
                "Those whose decision the change takes may; every operator comments. Nobody decides about their own change."
            }
            Self::Seated => "Who sits on the seat may; who is lent one lends it no further.",
            Self::Lenders => {
                "Who lent the seat may, who fills it, and who sits on the board of the domain or of the group."
            }
            Self::Author => "Who proposed it may.",
            Self::Deciders => {
                "Who decides about access to the interface may, and neither whoever asked for it nor whoever opened it."
            }
            Self::EitherSide => {
                "Owners and who is on call may, in the team that owns the consumer or the one that owns the interface; and who sits on the board of \
                 their domain or of the group."
            }
            Self::Cutters => {
                "Who answers for the consumer may; and owners, who is on call and who sits on the board, in the domain of what is cut off."
            }
            Self::Overseers => {
                "Who sits on the board of the domain or of the group may; where nobody sits, owners in a team of the domain. A campaign about an \
                 interface its owner begins, too."
            }
            Self::Replayers => "Who has a role in the owning team that the interface's `replay` names may.",
        }
    }
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// The name of its schema.
    pub(super) schema: &'static str,
    /// Whether nothing is answered without it.
    pub(super) is_needed: bool,
}

/// A parameter of the query, by its schema's name.
pub(super) const fn query(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about, schema, is_needed: false }
}

impl Parameter {
    /// The same, without which nothing is answered.
    pub(super) fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }
}

/// What is answered.
pub(super) struct Gives {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) schema: Value,
    /// What it is written in.
    pub(super) media: &'static str,
    /// Whether it is given as a page, too.
    pub(super) is_page: bool,
    /// Whether `Location` says where it is.
    pub(super) is_located: bool,
}

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// What tools call it.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) says: &'static str,
    pub(super) who: Who,
    pub(super) query: Vec<Parameter>,
    /// The schema of the body.
    pub(super) takes: Option<&'static str>,
    pub(super) gives: Vec<Gives>,
    /// The codes that are its own, beside those that every route has.
    pub(super) refuses: &'static [Code],
    /// Whether what the check finds is refused by its own code.
    pub(super) is_checked: bool,
    serve: MethodRouter<Api>,
}

impl Route {
    /// What is read.
    pub(super) fn get<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("get", path, routing::get(handler))
    }

    /// What is done.
    pub(super) fn post<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("post", path, routing::post(handler))
    }

    fn new(method: &'static str, path: &'static str, serve: MethodRouter<Api>) -> Self {
        Self {
            method,
            path,
            id: "",
            tag: "",
            says: "",
            who: Who::Anybody,
            query: Vec::new(),
            takes: None,
            gives: Vec::new(),
            refuses: &[],
            is_checked: false,
            serve,
        }
    }

    /// Its tag, its id, and what it does.
    pub(super) fn says(self, tag: &'static str, id: &'static str, says: &'static str) -> Self {
        Self { tag, id, says, ..self }
    }

    /// Who may.
    pub(super) fn may(self, who: Who) -> Self {
        Self { who, ..self }
    }

    /// What its query has.
    pub(super) fn asks(self, query: impl AsRef<[Parameter]>) -> Self {
        Self { query: query.as_ref().to_vec(), ..self }
    }

    /// What its body is.
    pub(super) fn takes(self, schema: &'static str) -> Self {
        Self { takes: Some(schema), ..self }
    }

    /// Its body may be so large.
    pub(super) fn takes_most(self, bytes: usize) -> Self {
        Self { serve: self.serve.layer(DefaultBodyLimit::max(bytes)), ..self }
    }

    /// What it answers, where it does what is asked.
    pub(super) fn gives(self, about: &'static str, schema: &'static str) -> Self {
        self.gives_as(200, about, super::schema::reference(schema))
    }

    /// A list of such.
    pub(super) fn lists(self, about: &'static str, schema: &'static str) -> Self {
        self.gives_as(200, about, super::schema::items(schema))
    }

    /// A page of such.
    pub(super) fn pages(self, about: &'static str, schema: &'static str) -> Self {
        self.gives_as(200, about, super::schema::page(schema))
    }

    /// The same, where pages end at places of this kind and not at ids.
    pub(super) fn pages_by(self, about: &'static str, schema: &'static str, place: &'static str) -> Self {
        self.gives_as(200, about, super::schema::page_by(schema, place))
    }

    /// What it makes, at a place of its own.
    pub(super) fn makes(self, about: &'static str, schema: &'static str) -> Self {
        let mut made = self.gives_as(201, about, super::schema::reference(schema));
        made.gives.iter_mut().for_each(|gives| gives.is_located |= gives.status == 201);
        made
    }

    /// Something else, with its status.
    pub(super) fn gives_as(mut self, status: u16, about: &'static str, schema: Value) -> Self {
        self.gives.push(Gives { status, about, schema, media: "application/json", is_page: false, is_located: false });
        self
    }

    /// A document in YAML.
    pub(super) fn writes(self, about: &'static str) -> Self {
        let mut written = self.gives_as(200, about, serde_json::json!({}));
        written.gives.iter_mut().for_each(|gives| gives.media = YAML);
        written
    }

    /// As a page, too.
    pub(super) fn or_page(mut self) -> Self {
        self.gives.iter_mut().for_each(|gives| gives.is_page = true);
        self
    }

    /// What it refuses beside what every route does.
    pub(super) fn refuses(self, refuses: &'static [Code]) -> Self {
        Self { refuses, ..self }
    }

    /// What does not pass the check is refused by the code of the finding.
    pub(super) fn checks(self) -> Self {
        Self { is_checked: true, ..self }
    }
}

/// The routes, served.
pub(super) fn served(routes: Vec<Route>) -> Router<Api> {
    let add = |router: Router<Api>, route: Route| router.route(route.path, route.serve);
    routes.into_iter().fold(Router::new(), add).fallback(missing).method_not_allowed_fallback(not_allowed)
}
