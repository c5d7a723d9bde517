//! Starts the simulated systems on 127.0.0.1 and stops them.
//! Binding is all that can fail; nothing outside the machine is asked.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::line::{CuttableListener, Cutter};
use crate::mes::{MesConfig, MesHandle};
use crate::odoo::{OdooConfig, OdooHandle};
use crate::wms::WmsConfig;

/// How long `shutdown` waits for answers that are under way.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// What to start. `default()` is the demo: Odoo 18 with the Velo Works data, MES and WMS, all on free ports.
#[derive(Clone, Debug, Default)]
pub struct FactoryConfig {
    /// The simulated Odoo.
    pub odoo: OdooConfig,
    /// The MES.
    pub mes: MesConfig,
    /// The old warehouse.
    pub wms: WmsConfig,
}

/// Why a factory did not start.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    /// A port was not free, or not allowed.
    #[error("the simulated {system} cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// Which of the systems.
        system: &'static str,
        /// The port that was asked for; 0 stands for any.
        port: u16,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The data that it should start with is not consistent.
    #[error("the sample data cannot be made: {0}")]
    Seed(String),
}

/// Starts factories.
#[derive(Debug)]
pub struct Factory;

impl Factory {
    /// Binds the ports, fills the database and serves, all within milliseconds.
    ///
    /// # Errors
    /// A port that cannot be bound.
    pub async fn start(config: FactoryConfig) -> Result<RunningFactory, FactoryError> {
        let (stop, stopped) = watch::channel(());
        let odoo = OdooHandle::open(&config.odoo).map_err(FactoryError::Seed)?;
        let mes = MesHandle::new(&config.mes);
        let mut tasks = Vec::new();
        let mut start = async |system, port, router: Router| {
            let (address, task) = serve(system, port, router, stopped.clone()).await?;
            tasks.push(task);
            Ok::<_, FactoryError>(address)
        };
        let odoo_address = start("Odoo", config.odoo.port, odoo.router()).await?;
        let mes_address = start("MES", config.mes.port, mes.router()).await?;
        let wms_address = start("WMS", config.wms.port, crate::wms::router(&config.wms)).await?;
        Ok(RunningFactory { odoo, mes, odoo_address, mes_address, wms_address, stop, tasks })
    }
}

async fn serve(
    system: &'static str,
    port: u16,
    router: Router,
    mut stopped: watch::Receiver<()>,
) -> Result<(SocketAddr, JoinHandle<()>), FactoryError> {
    let failed = |source| FactoryError::Bind { system, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let service = router.into_make_service_with_connect_info::<Cutter>();
    let signal = async move {
        // An error means that the factory itself is gone, which is the signal too.
        let _ = stopped.changed().await;
    };
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(signal).await {
            tracing::warn!(system, %error, "the simulated system stopped serving");
        }
    });
    Ok((address, task))
}

/// A factory that serves until `shutdown`, or until it is dropped.
#[derive(Debug)]
pub struct RunningFactory {
    /// Faults, journal and records of the simulated Odoo.
    pub odoo: OdooHandle,
    /// The MES: what it knows, and its shift.
    pub mes: MesHandle,
    odoo_address: SocketAddr,
    mes_address: SocketAddr,
    wms_address: SocketAddr,
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl RunningFactory {
    /// The base URL of the simulated Odoo, without a slash at the end.
    pub fn odoo_url(&self) -> String {
        format!("http://{}", self.odoo_address)
    }

    /// The base URL of the MES.
    pub fn mes_url(&self) -> String {
        format!("http://{}", self.mes_address)
    }

    /// The base URL of the warehouse system.
    pub fn wms_url(&self) -> String {
        format!("http://{}", self.wms_address)
    }

    /// Stops listening, lets answers that are under way go out for a moment, and returns.
    pub fn shutdown(self) -> impl Future<Output = ()> + Send {
        let Self { stop, tasks, .. } = self;
        async move {
            // Without receivers every server has ended already.
            let _ = stop.send(());
            for task in tasks {
                let abort = task.abort_handle();
                if tokio::time::timeout(LAST_ANSWERS, task).await.is_err() {
                    abort.abort();
                }
            }
        }
    }
}
