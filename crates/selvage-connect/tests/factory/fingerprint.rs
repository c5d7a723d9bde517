//! What servers of each version and dialect say of themselves when they are asked, and that nothing is changed by asking.

use std::collections::{BTreeMap, BTreeSet};

use selvage_connect::odoo::{ModelSeen, Question, Questions, Right};
use selvage_factory::odoo::{Fault, FaultKind, Hidden, OdooVersion};

use crate::plant::{Plant, SERVERS, Server};

fn questions() -> Questions {
    let question = |fields: &[&str]| Question {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        rights: BTreeSet::from([Right::Read, Right::Write, Right::Create]),
    };
    Questions::from([
        ("mrp.eco".to_owned(), question(&["name"])),
        ("mrp.production".to_owned(), question(&["state", "lot_producing_id", "lot_producing_ids", "no_field"])),
    ])
}

#[tokio::test]
async fn fields_and_rights_are_asked_in_every_version() {
    let older = [OdooVersion::V16, OdooVersion::V17].map(|version| Server { version, dialect: None });
    for server in SERVERS.into_iter().chain(older) {
        let plant = Plant::open(server).await;
        let odoo = &plant.factory.odoo;
        let right = Hidden::Right { model: "mrp.production".to_owned(), right: "create".to_owned(), login: None };
        odoo.hide(right);
        let sent = odoo.journal().len();
        let seen = plant.odoo.fingerprint(&questions()).await.unwrap();
        assert_eq!(odoo.journal().len(), sent, "asking changes nothing");
        assert_eq!(seen.models["mrp.eco"], ModelSeen::Absent);
        let ModelSeen::There { fields: Some(fields), rights } = &seen.models["mrp.production"] else {
            panic!("{seen:?}")
        };
        let lot = if server.version == OdooVersion::V19 { "lot_producing_ids" } else { "lot_producing_id" };
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(names, ["id", lot, "state"], "{:?}", server.version);
        assert!(fields["state"].readonly && fields["state"].words.contains(&"confirmed".to_owned()));
        assert_eq!(fields[lot].relation.as_deref(), Some("stock.lot"));
        let expected = [(Right::Read, true), (Right::Write, true), (Right::Create, false)];
        assert_eq!(rights, &BTreeMap::from(expected), "{:?}", server.version);
        assert!(!plant.odoo.is_another().await.unwrap());
        odoo.inject(Fault::always(FaultKind::Status(502)));
        assert!(plant.odoo.fingerprint(&questions()).await.is_err(), "a server that does not answer has said nothing");
    }
}
