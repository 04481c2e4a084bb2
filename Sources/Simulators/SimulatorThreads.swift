import NIOCore
import NIOPosix

/// The threads of a simulator that has a process of its own.
public enum SimulatorThreads {
    /// Lets tasks run on the one thread that also serves the sockets. A request then costs no switch between threads,
    /// which was a third of it; a benchmark's two cores are better used by what is measured.
    ///
    /// To be called once, before anything is served. Where the runtime does not allow it nothing changes.
    public static func shareOne() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
    }
}
