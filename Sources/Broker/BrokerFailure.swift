import AMQP
import CaseRouting

extension RoutingFailure {
    /// Our own broker failing is no attempt: whoever meets this waits.
    init(broker error: AMQPError) {
        self.init(.own, at: .broker, cause: .broker, error.description)
    }

    static var brokerGone: RoutingFailure {
        RoutingFailure(.own, at: .broker, cause: .broker, "There is no connection to the broker.")
    }
}
