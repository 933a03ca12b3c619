//! Parts of `serve` and `exec` that depend on the operating system: the parent process, descriptors, signals.

#[cfg(unix)]
pub(super) use unix::{ForwardedSignals, Parent, descriptor, exit_code, output};

#[cfg(not(unix))]
pub(super) use others::{ForwardedSignals, Parent, descriptor, exit_code, output};

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, getpgrp, getppid, kill_process};
    use rustix::termios::tcgetpgrp;
    use tokio::signal::unix::{self, SignalKind};
    use tokio::sync::oneshot;

    /// Interval at which the parent is looked at. Linux could tell of its end, but means the thread that started us.
    const LOOK_EVERY: Duration = Duration::from_millis(200);

    /// The process that started this one.
    #[derive(Debug)]
    pub(in super::super) struct Parent(Option<Pid>);

    impl Parent {
        /// The parent as it is now.
        pub(in super::super) fn now() -> Self {
            Self(getppid())
        }

        /// Returns once the parent has gone, or the standard input has ended where that is a pipe or a socket.
        pub(in super::super) async fn gone(self) -> &'static str {
            let input = input_end();
            let mut looks = tokio::time::interval(LOOK_EVERY);
            let orphaned = async {
                while getppid() == self.0 {
                    looks.tick().await;
                }
            };
            tokio::select! {
                () = orphaned => "the parent process has gone",
                () = input => "the standard input has ended",
            }
        }
    }

    /// Returns at the end of the standard input; never where nobody holds another end of it.
    async fn input_end() {
        let (sender, ended) = oneshot::channel::<()>();
        let kind =
            io::stdin().as_fd().try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
        if kind.is_ok_and(|it| it.file_type().is_fifo() || it.file_type().is_socket()) {
            std::thread::spawn(move || {
                let mut input = io::stdin().lock();
                while input.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
                drop(sender);
            });
            // It is never sent to, so this is the end.
            let _ = ended.await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// A descriptor that the caller has opened for us, to write to.
    pub(in super::super) fn descriptor(number: i32) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
            // It reaches sockets too, which cannot be opened by name. A container may forbid it.
            let own = pidfd_open(getpid(), PidfdFlags::empty());
            let found = own.and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty()));
            if let Ok(found) = found {
                return Ok(found.into());
            }
        }
        OpenOptions::new().write(true).open(format!("/dev/fd/{number}"))
    }

    /// The standard output as a file. Rust's own says of what it cannot write to a descriptor for reading that it is
    /// written.
    pub(in super::super) fn output() -> io::Result<File> {
        io::stdout().as_fd().try_clone_to_owned().map(File::from)
    }

    /// The exit code that a shell would give.
    pub(in super::super) fn exit_code(status: ExitStatus) -> u8 {
        let code = status.code().or_else(|| Some(128 + status.signal()?));
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }

    /// Signals to this process that are passed on to a command.
    #[derive(Debug)]
    pub(in super::super) struct ForwardedSignals(Vec<(Signal, unix::Signal)>);

    impl ForwardedSignals {
        pub(in super::super) fn new() -> io::Result<Self> {
            let forwarded = [
                (Signal::TERM, SignalKind::terminate()),
                (Signal::INT, SignalKind::interrupt()),
                (Signal::QUIT, SignalKind::quit()),
                (Signal::HUP, SignalKind::hangup()),
                (Signal::USR1, SignalKind::user_defined1()),
                (Signal::USR2, SignalKind::user_defined2()),
            ];
            let listen = |(signal, kind)| Ok((signal, unix::signal(kind)?));
            forwarded.into_iter().map(listen).collect::<io::Result<_>>().map(Self)
        }

        /// Passes on each signal as it comes; never returns.
        pub(in super::super) async fn forward(&mut self, child: Option<u32>) {
            let child = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            loop {
                let signal = std::future::poll_fn(|context| {
                    let arrived = |(signal, waiting): &mut (Signal, unix::Signal)| {
                        waiting.poll_recv(context).is_ready().then_some(*signal)
                    };
                    self.0.iter_mut().find_map(arrived).map_or(std::task::Poll::Pending, Into::into)
                });
                let signal = signal.await;
                let is_of_keyboard = [Signal::INT, Signal::QUIT, Signal::HUP].contains(&signal);
                if let Some(child) = child.filter(|_| !is_of_keyboard || !is_in_foreground()) {
                    // It may have ended meanwhile.
                    let _ = kill_process(child, signal);
                }
            }
        }
    }

    /// Returns true if a terminal sends the signals of its keyboard to us, and so to our command as well.
    fn is_in_foreground() -> bool {
        File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal) == Ok(getpgrp()))
    }
}

/// Untested: this program is built and tried on Linux.
#[cfg(not(unix))]
mod others {
    use std::fs::File;
    use std::io::{self, Read as _};
    use std::process::ExitStatus;

    use tokio::sync::oneshot;

    #[derive(Debug)]
    pub(in super::super) struct Parent;

    impl Parent {
        pub(in super::super) fn now() -> Self {
            Self
        }

        /// Returns once the standard input has ended, which must be a pipe here.
        pub(in super::super) async fn gone(self) -> &'static str {
            let (sender, ended) = oneshot::channel::<()>();
            std::thread::spawn(move || {
                let mut input = io::stdin().lock();
                while input.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
                drop(sender);
            });
            let _ = ended.await;
            "the standard input has ended"
        }
    }

    pub(in super::super) fn descriptor(_: i32) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in super::super) fn output() -> io::Result<File> {
        use std::os::windows::io::AsHandle as _;
        io::stdout().as_handle().try_clone_to_owned().map(File::from)
    }

    pub(in super::super) fn exit_code(status: ExitStatus) -> u8 {
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }

    /// Ctrl-C, which the console sends to the command itself.
    #[derive(Debug)]
    pub(in super::super) struct ForwardedSignals;

    impl ForwardedSignals {
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in super::super) async fn forward(&mut self, _: Option<u32>) {
            loop {
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
