import CaseRouting
import HTTPClient

/// What was being done when a call went wrong.
enum CICOperation {
    case connect, create, move, setAttributes, read, disconnect, list, directory, notification(HandlerOperation)

    var stage: RoutingFailure.Stage {
        switch self {
        case .connect, .directory: .resolve
        case .create, .list, .notification(.create): .create
        case .move, .setAttributes, .notification(.assign): .assign
        case .read, .notification(.ping): .read
        case .disconnect, .notification(.disconnect): .disconnect
        }
    }

    /// Whether doing it twice would do harm, so that its outcome, when not clear, is *unknown*: look, never repeat.
    var isUnrepeatable: Bool {
        switch self {
        case .create, .move, .notification(.create): true
        default: false
        }
    }

    var words: String {
        switch self {
        case .connect: "opening a session"
        case .create, .notification(.create): "creating an interaction"
        case .move, .notification(.assign): "moving an interaction"
        case .setAttributes: "setting attributes"
        case .read: "reading an interaction"
        case .disconnect, .notification(.disconnect): "disconnecting an interaction"
        case .list: "listing the holding workgroup"
        case .directory: "reading the directory"
        case .notification(.ping): "asking the handler"
        }
    }
}

/// Why there is no session: what every call is told, nothing being sent.
struct RoutingReason: Equatable, Sendable {
    let cause: FailureCause
    let summary: String
    let response: RoutingFailure.Response?

    init(_ cause: FailureCause, _ summary: String, response: RoutingFailure.Response? = nil) {
        self.cause = cause
        self.summary = summary
        self.response = response
    }
}

/// The one place that says what CIC's answers, and their absence, mean for a case. The table is design, section 8, with
/// `icws.md` 1.2 for the statuses.
struct CICFailure: Sendable {
    let server: String
    /// What must not occur in what is kept of an answer.
    let secrets: [String]

    func failure(_ operation: CICOperation, _ error: ICWSCallError) -> RoutingFailure {
        switch error {
        // What may be sent again may have been sent before, and answered 401.
        case .noSession(let reason): held(operation, reason, mayHaveBeenSent: !operation.isUnrepeatable)
        case .transport(let error): failure(operation, error)
        case .expired:
            held(operation, RoutingReason(.cicUnreachable, "CIC server \(server) had ended the session (401)."))
        }
    }

    /// - Parameter mayHaveBeenSent: false where what is held was kept back here.
    func held(
        _ operation: CICOperation, _ reason: RoutingReason, mayHaveBeenSent: Bool = true
    ) -> RoutingFailure {
        RoutingFailure(
            .held, at: operation.stage, cause: reason.cause, reason.summary, response: reason.response,
            mayHaveBeenSent: mayHaveBeenSent)
    }

    /// Without an answer. What is certain not to have been sent waits for the server; what may have been sent is
    /// unknown where repeating would do harm.
    func failure(_ operation: CICOperation, _ error: HTTPError) -> RoutingFailure {
        guard error.mayHaveBeenSent else {
            switch error.kind {
            case .busy:
                return failure(
                    .transient, operation, .cicNoAnswer, "too many calls are under way already",
                    mayHaveBeenSent: !operation.isUnrepeatable)
            case .invalidRequest:
                return failure(
                    .permanent, operation, .cicRefused, "the request cannot be sent: \(error.detail)",
                    mayHaveBeenSent: !operation.isUnrepeatable)
            default:
                return held(operation, Self.unreachable(server, error), mayHaveBeenSent: !operation.isUnrepeatable)
            }
        }
        switch error.kind {
        case .tooLarge:
            return doubtful(operation, .cicUnexpectedAnswer, "the answer is larger than allowed")
        case .badResponse:
            return doubtful(operation, .cicUnexpectedAnswer, "the answer is no HTTP")
        default:
            return doubtful(operation, .cicNoAnswer, "there was no answer (\(error.kind.rawValue))")
        }
    }

    static func unreachable(_ server: String, _ error: HTTPError) -> RoutingReason {
        RoutingReason(
            .cicUnreachable, "CIC server \(server) cannot be reached: \(error.kind.rawValue), \(error.operation).")
    }

    /// An answer that is not the success that was asked for.
    func failure(_ operation: CICOperation, _ answer: ICWSAnswer) -> RoutingFailure {
        failure(operation, status: answer.status, body: answer.body)
    }

    func failure(_ operation: CICOperation, status: Int, body: [UInt8]) -> RoutingFailure {
        let response = RoutingFailure.Response(status: status, body: kept(body))
        switch status {
        case 400:
            return switch operation {
            case .connect:
                failure(.configuration, operation, .cicCredentials, "the login was refused", response)
            case .create, .list:
                failure(
                    .configuration, operation, .holdingUnusable,
                    "the request was refused (400): does the holding workgroup exist, with a queue, and may the user "
                        + "create and see interactions there?", response)
            case .move:
                failure(
                    .configuration, operation, .workgroupUnusable,
                    "the move was refused (400): does the workgroup exist, with a queue, or the user, and may the service "
                        + "user transfer there?", response)
            default: failure(.permanent, operation, .cicRefused, "the request was refused (400)", response)
            }
        case 401:
            return operation.isConnect
                ? failure(.configuration, operation, .cicCredentials, "the login was refused", response)
                : failure(.transient, operation, .cicRefused, "the session was refused twice (401)", response)
        case 403:
            return failure(
                .configuration, operation, .cicForbidden, "the user lacks a right (403)", response)
        case 408, 429:
            return failure(.transient, operation, .cicError, "the server asks to come later (\(status))", response)
        case 410:
            return failure(
                .configuration, operation, .cicRefused, "this version of CIC no longer offers the request (410)",
                response)
        case 404 where operation.isHolding:
            return failure(
                .configuration, operation, .holdingUnusable, "there is no such holding workgroup (404)", response)
        case 400...499:
            return failure(.permanent, operation, .cicRefused, "the request was refused (\(status))", response)
        case 500...599:
            return doubtful(operation, .cicError, "the server failed (\(status))", response)
        default:
            return doubtful(operation, .cicUnexpectedAnswer, "the answer \(status) is none that is known", response)
        }
    }

    /// A success whose body does not say what it must.
    func malformed(_ operation: CICOperation, _ answer: ICWSAnswer, _ problem: String) -> RoutingFailure {
        doubtful(
            operation, .cicUnexpectedAnswer, "the answer cannot be read: \(problem)",
            RoutingFailure.Response(status: answer.status, body: kept(answer.body)))
    }

    func silent(_ operation: CICOperation) -> RoutingFailure {
        switch operation {
        case .notification:
            doubtful(
                operation, .handlerSilent,
                "the handler in CIC did not answer in time; is it published, and do its answers arrive?")
        default: doubtful(operation, .cicNoAnswer, "no answer came in time")
        }
    }

    /// `[Failed, attempt, operation, code, text]` of `docs/cic-handler.md`.
    func refused(_ operation: HandlerOperation, code: String, text: String) -> RoutingFailure {
        let said = "the handler in CIC refused: \(HandlerText.sound(String(text.prefix(500))))"
        return switch code {
        case "unknown-workgroup":
            failure(
                .configuration, .notification(operation),
                operation == .create ? .holdingUnusable : .workgroupUnknown, said)
        // A user's own queue stands where a workgroup does.
        case "unknown-user": failure(.configuration, .notification(operation), .workgroupUnknown, said)
        case "unknown-skill": failure(.configuration, .notification(operation), .skillUnknown, said)
        case "no-licence": failure(.configuration, .notification(operation), .cicForbidden, said)
        default: failure(.transient, .notification(operation), .handlerFailed, said)
        }
    }

    func failure(
        _ kind: RoutingFailure.Kind, _ operation: CICOperation, _ cause: FailureCause, _ what: String,
        _ response: RoutingFailure.Response? = nil, mayHaveBeenSent: Bool = true
    ) -> RoutingFailure {
        // What others have said may end with a full stop of its own.
        let sentence = "CIC server \(server), \(operation.words): \(what)"
        return RoutingFailure(
            kind, at: operation.stage, cause: cause,
            sentence.hasSuffix(".") || sentence.hasSuffix("?") ? sentence : sentence + ".", response: response,
            mayHaveBeenSent: mayHaveBeenSent)
    }

    private func doubtful(
        _ operation: CICOperation, _ cause: FailureCause, _ what: String, _ response: RoutingFailure.Response? = nil
    ) -> RoutingFailure {
        failure(operation.isUnrepeatable ? .unknown : .transient, operation, cause, what, response)
    }

    /// The beginning of a body, without secrets and control characters.
    func kept(_ body: [UInt8]) -> String {
        let limit = 2 * RoutingFailure.Response.maximumBodyLength
        var text = String(decoding: body.prefix(limit), as: UTF8.self)
        for secret in secrets where secret.utf8.count > 2 { text = text.replacing(secret, with: "…") }
        // A secret may have been cut in two.
        if body.count > limit { text = String(text.dropLast(secrets.map(\.count).max() ?? 0)) }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 && $0 != "\n" || $0.value == 0x7F ? " " : $0 }))
    }
}

extension CICOperation {
    fileprivate var isConnect: Bool { if case .connect = self { true } else { false } }
    fileprivate var isHolding: Bool {
        switch self {
        case .create, .list: true
        default: false
        }
    }
}
