//! A system behind the gateway that goes through bad times: slow, resetting, answering garbage, down. On a thread and a
//! runtime of its own, so that only its misbehaviour delays anyone.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long it takes when it is well: what the gateway adds is small beside it.
const WORK: Duration = Duration::from_millis(25);
/// How long when it is slow: longer than the interface waits.
const SLOW: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(20);

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Answers.
    Steady,
    /// Answers too late.
    Slow,
    /// Resets connections instead.
    Reset,
    /// Answers what is not HTTP.
    Garbage,
    /// Answers a part and stops there.
    Half,
    /// Takes no connections.
    Down,
}

/// How many of them are bad.
pub(super) const BAD: f64 = 5.0;
const TURNS: [Mode; 10] = [
    Mode::Steady,
    Mode::Slow,
    Mode::Steady,
    Mode::Reset,
    Mode::Steady,
    Mode::Garbage,
    Mode::Steady,
    Mode::Half,
    Mode::Steady,
    Mode::Down,
];

/// A running system; it ends with the process.
#[derive(Clone)]
pub(super) struct System {
    pub(super) address: SocketAddr,
    mode: Arc<AtomicU8>,
    /// How often it was asked in each mode, by its place in the turns.
    asked: Arc<[AtomicU64; TURNS.len()]>,
}

impl System {
    /// Starts it on a free port.
    pub(super) fn start(mode: Mode) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let system = Self { address: listener.local_addr()?, mode: Arc::default(), asked: Arc::default() };
        system.set(mode);
        let served = system.clone();
        std::thread::Builder::new().name("soak-system".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener);
                if let Err(error) = served.serve(listener).await {
                    eprintln!("a system of the soak ended: {error:#}");
                }
            });
        })?;
        Ok(system)
    }

    fn set(&self, mode: Mode) {
        let place = TURNS.iter().position(|turn| *turn == mode).unwrap_or(0);
        self.mode.store(u8::try_from(place).unwrap_or(0), Ordering::SeqCst);
    }

    fn mode(&self) -> Mode {
        TURNS.get(usize::from(self.mode.load(Ordering::SeqCst))).copied().unwrap_or(Mode::Steady)
    }

    /// Whether its answers break off now.
    pub(super) fn breaks_off(&self) -> bool {
        self.mode() == Mode::Half
    }

    /// The bad times in which anybody asked it: what nobody met was not tried.
    pub(super) fn met(&self) -> usize {
        let is_met = |(mode, asked): &(&Mode, &AtomicU64)| **mode != Mode::Steady && asked.load(Ordering::SeqCst) > 0;
        TURNS.iter().zip(self.asked.iter()).filter(is_met).count()
    }

    /// How it behaves towards somebody who asks now.
    fn taken(&self) -> Mode {
        let place = usize::from(self.mode.load(Ordering::SeqCst));
        if let Some(asked) = self.asked.get(place) {
            asked.fetch_add(1, Ordering::SeqCst);
        }
        TURNS.get(place).copied().unwrap_or(Mode::Steady)
    }

    /// Goes through good and bad times without end.
    pub(super) async fn take_turns(self, each: Duration) {
        for mode in TURNS.iter().cycle() {
            self.set(*mode);
            tokio::time::sleep(each).await;
        }
    }

    async fn serve(self, listener: std::io::Result<TcpListener>) -> Result<()> {
        let mut listener = Some(listener?);
        loop {
            if self.mode() == Mode::Down {
                listener = None;
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let open = match listener.take() {
                Some(open) => open,
                None => self.listen()?,
            };
            if let Ok(Ok((stream, _))) = tokio::time::timeout(LOOK, open.accept()).await {
                tokio::spawn(self.clone().answer(stream));
            }
            listener = Some(open);
        }
    }

    fn listen(&self) -> Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address).context("its port was taken meanwhile")?;
        Ok(socket.listen(1024)?)
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut buffer = Vec::with_capacity(1024);
        loop {
            while !buffer.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read_buf(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            buffer.clear();
            let said: &[u8] = match self.taken() {
                Mode::Down => return,
                Mode::Reset => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                Mode::Garbage => b"220 mail.example ready\r\n\r\n",
                Mode::Half => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":",
                Mode::Slow => {
                    tokio::time::sleep(SLOW).await;
                    WELL
                }
                Mode::Steady => {
                    tokio::time::sleep(WORK).await;
                    WELL
                }
            };
            if stream.write_all(said).await.is_err() || said != WELL {
                return;
            }
        }
    }
}

const WELL: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"code\":\"FRM-1\"}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bad_times_in_which_it_was_asked_were_met() {
        let system = System::start(Mode::Steady).unwrap();
        system.taken();
        system.set(Mode::Slow);
        assert_eq!(system.met(), 0);
        system.taken();
        system.set(Mode::Down);
        system.taken();
        system.taken();
        assert_eq!(system.met(), 2);
    }
}
