//! What the demo prints: addresses, the login, and a `curl` for each thing worth trying.

use std::path::Path;

use selvage_factory::RunningFactory;

use super::Keys;
use super::shift::Prepared;
use crate::node::Node;

/// Stock as a board reads it, from the copy.
const BOARD: &str = "/stock-board/v1/inventory-positions?limit=5";

/// The text.
pub(super) async fn text(
    node: &Node,
    (base, factory): (&str, &RunningFactory),
    keys: &Keys,
    prepared: &Prepared,
    (fabric, data): (&Path, &Path),
) -> String {
    let console = format!("http://{}", node.console_address());
    let link = node.console_link(&keys.operator).await.unwrap_or_default();
    let (mes, odoo) = (factory.mes_url(), factory.odoo_url());
    let things: String = things((base, &mes, &odoo), prepared, data)
        .iter()
        .map(|thing| format!("\n# {}\n{}\n", thing.0, thing.1))
        .collect();
    format!(
        "Velo Works is at work: a simulated Odoo with two companies, an MES, a warehouse, and Selvage in between.\n\
         \n\
         Console   {console}{link}   (logs you in once)\n\
         Login     {operator_key}\n\
         Gateway   {base}\n\
         MES       {mes}   (what it was told: /api/events)\n\
         Odoo      {odoo}   (what it was asked: /_factory/state)\n\
         Fabric    {fabric}   (change it: it is watched)\n\
         Store     selvage ledger list --data {data}\n\
         \n\
         The keys of six consumers:\n\
         export PLANNING={planning}\n\
         export MES_GHENT={mes_ghent}\n\
         export MES_BRNO={mes_brno}\n\
         export BOARD={board}\n\
         export WAREHOUSE={warehouse}\n\
         export QUALITY={quality}\n\
         {things}\n\
         Ctrl-c ends everything and leaves nothing behind.",
        operator_key = keys.operator,
        fabric = fabric.display(),
        data = data.display(),
        planning = keys.of("planning"),
        mes_ghent = keys.of("mes-ghent"),
        mes_brno = keys.of("mes-brno"),
        board = keys.of("shop-floor-board"),
        warehouse = keys.of("warehouse"),
        quality = keys.of("quality-desk"),
    )
}

fn things((base, mes, odoo): (&str, &str, &str), prepared: &Prepared, data: &Path) -> Vec<(&'static str, String)> {
    let order = &prepared.order;
    let get = |key: &str, path: &str| format!("curl -si -H \"Authorization: Bearer ${key}\" '{base}{path}'");
    let create = format!(
        "for try in 1 2; do curl -si '{base}/production-orders/v1/production-orders' \\\n  \
         -H \"Authorization: Bearer $PLANNING\" -H 'Idempotency-Key: my-first-order' \\\n  \
         --json '{{\"product\": \"BIK-1\", \"quantity\": {{\"value\": \"2\", \"unit\": \"1\"}}, \"site\": \"ghent\"}}'; done"
    );
    let report = format!(
        "curl -si '{base}/production-orders/v1/production-orders/{order}/report' \\\n  \
         -H \"Authorization: Bearer $MES_GHENT\" -H 'Idempotency-Key: my-first-report' \\\n  \
         --json '{{\"quantity\": {{\"value\": \"3\", \"unit\": \"1\"}}, \"lot\": \"DEMO-1\", \"remainder\": \"backorder\"}}'"
    );
    let receive = format!(
        "curl -si '{base}/purchase-orders/v1/purchase-orders/odoo-2/receive' \\\n  \
         -H \"Authorization: Bearer $WAREHOUSE\" -H 'Idempotency-Key: my-first-receipt' \\\n  \
         --json '{{\"lines\": [{{\"product\": \"WHL-1\", \"quantity\": {{\"value\": \"15\", \"unit\": \"1\"}}}}]}}'"
    );
    let quarantine = format!(
        "curl -si '{base}/lots/v1/lots/odoo-2/quarantine' \\\n  \
         -H \"Authorization: Bearer $QUALITY\" -H 'Idempotency-Key: my-first-quarantine' \\\n  \
         --json '{{\"site\": \"ghent\"}}'"
    );
    let copy = get("BOARD", BOARD);
    let draft = &prepared.draft;
    let release = format!(
        "curl -si '{base}/production-orders/v1/production-orders/{draft}/release' \\\n  \
         -H \"Authorization: Bearer $PLANNING\" -H 'Idempotency-Key: my-first-release' --json '{{}}'\n\
         sleep 1; curl -s '{mes}/api/events'"
    );
    let stop = format!(
        "curl -s -X PUT '{mes}/api/events' --json '{{\"stopped\": true}}'\n\
         sleep 10; selvage lanes --data {data}\n\
         curl -s -X PUT '{mes}/api/events' --json '{{\"stopped\": false}}'\n\
         sleep 10; curl -s '{mes}/api/events'",
        data = data.display()
    );
    let often = format!(
        "curl -s '{odoo}/_factory/state'\n\
         time curl -sZ -o /dev/null -H \"Authorization: Bearer $BOARD\" '{base}{BOARD}#[1-2000]'\n\
         curl -s '{odoo}/_factory/state'"
    );
    let tail = format!("selvage events tail production-order-events@1 --data {}", data.display());
    vec![
        ("Read stock, lot by lot", get("BOARD", "/inventory/v2/inventory-positions?limit=5")),
        ("Create a production order twice with one key: one order, one answer", create),
        ("Report production short: 3 of 4, and a backorder for the rest", report),
        ("Receive 15 of the 40 wheels that were ordered: a total, so sent again it changes nothing", receive),
        ("Set a lot aside until it is tested", quarantine),
        ("Release an order: the MES is told within a second, signed and in order", release),
        ("See what was told", tail),
        ("Stop the MES while the shift goes on: its lanes wait; start it, and it catches up in order", stop),
        ("Read stock from a copy", copy),
        ("Read it 2,000 times: `calls` of Odoo rises by what the captures look, and by no read", often),
        ("Be refused without a grant", get("BOARD", "/production-orders/v1/production-orders")),
        ("See only one's own plant", get("MES_BRNO", "/production-orders/v1/production-orders?limit=3")),
        ("A deprecated interface: it answers, and says when it ends", get("BOARD", "/legacy-stock/v1/")),
        ("A retired interface: 410, and what to use instead", get("BOARD", "/stock-levels/v1/")),
    ]
}
