//! Keys that end while calls are made: the next one takes over within the call that met it, and a server that accepts none is
//! left alone.

use std::time::Duration;

use selvage_connect::odoo::{Failure, KeyState, Odoo, OdooConfig, Secret};
use serde_json::json;

use crate::plant::{Plant, SERVERS, connect, values};

#[tokio::test]
async fn the_next_key_takes_over_within_the_call_that_met_the_end_of_the_first() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let first = connect(&plant.factory, server.dialect, Duration::from_secs(20)).config().clone();
        let odoo = Odoo::new(OdooConfig { next: Some(Secret::new("second-key")), ..first }).unwrap();
        let create = async |name: &str| {
            let lot = values(json!({"name": name, "product_id": plant.paint}));
            odoo.create("stock.lot", &format!("selvage.{name}"), &lot, &plant.scope).await
        };
        create("K1").await.unwrap();
        assert_eq!(odoo.key_state(), KeyState::First, "{server:?}");
        plant.factory.odoo.change_key("admin", "second-key");
        create("K2").await.unwrap();
        assert_eq!(odoo.key_state(), KeyState::Next, "{server:?}");
        let made = plant.factory.odoo.records("stock.lot");
        let count = |name: &str| made.iter().filter(|lot| lot["name"] == name).count();
        assert_eq!((count("K1"), count("K2")), (1, 1), "{server:?}");
        // Whoever begins anew begins with the one that works.
        let anew = odoo.anew().unwrap();
        anew.server().await.unwrap();
        assert_eq!(anew.key_state(), KeyState::Next, "{server:?}");
        plant.factory.odoo.change_key("admin", "a-third");
        assert_eq!(create("K3").await, Err(Failure::Unauthenticated), "{server:?}");
        let calls = plant.factory.odoo.state()["calls"].clone();
        assert_eq!(create("K3").await, Err(Failure::Unauthenticated), "{server:?}");
        assert_eq!((plant.factory.odoo.state()["calls"].clone(), odoo.key_state()), (calls, KeyState::None));
    }
}

#[tokio::test]
async fn a_handle_whose_first_key_has_ended_already_logs_in_with_the_next() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let right = connect(&plant.factory, server.dialect, Duration::from_secs(20)).config().clone();
        let odoo = Odoo::new(OdooConfig { secret: Secret::new("ended"), next: Some(right.secret.clone()), ..right });
        let odoo = odoo.unwrap();
        assert!(!odoo.companies().await.unwrap().is_empty(), "{server:?}");
        assert_eq!(odoo.key_state(), KeyState::Next, "{server:?}");
    }
}
