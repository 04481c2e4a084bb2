import CEpoll
import Glibc

/// Runs a call that blocks (opening a connection, a login, a name look-up) on a thread of its own.
///
/// For rare calls only: each costs a thread. The call cannot be cancelled, so it must have a time-out itself.
public enum BlockingThread {
    /// Runs `body` on a new thread and returns what it returns.
    public static func run<Value: Sendable, Failure: Error>(
        _ name: String, _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let box = Unmanaged.passRetained(
                Work {
                    case_router_name_thread(name)
                    do throws(Failure) {
                        continuation.resume(returning: .success(try body()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                })
            var thread = pthread_t()
            let created = pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
                    return nil
                }, box.toOpaque())
            precondition(created == 0, "no thread for \(name): error \(created)")
            pthread_detach(thread)
        }
        return try result.get()
    }

    private final class Work {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }
}
