import CaseRouting
import Testing

@testable import CIC

struct FailureTests {
    private let failures = CICFailure(server: "cic1", secrets: ["pass-word"])

    @Test(arguments: [
        (400, RoutingFailure.Kind.configuration, FailureCause.holdingUnusable), (401, .transient, .cicRefused),
        (403, .configuration, .cicForbidden), (404, .configuration, .holdingUnusable),
        (405, .permanent, .cicRefused), (408, .transient, .cicError), (409, .permanent, .cicRefused),
        (410, .configuration, .cicRefused), (429, .transient, .cicError), (500, .unknown, .cicError),
        (502, .unknown, .cicError), (503, .unknown, .cicError), (504, .unknown, .cicError),
        (200, .unknown, .cicUnexpectedAnswer), (302, .unknown, .cicUnexpectedAnswer),
        (999, .unknown, .cicUnexpectedAnswer),
    ])
    func `a creation's answer is refused or unknown, by its status`(
        _ status: Int, _ kind: RoutingFailure.Kind, _ cause: FailureCause
    ) {
        let failure = failures.failure(.create, status: status, body: Array("{}".utf8))
        #expect(failure.kind == kind && failure.cause == cause && failure.stage == .create)
        #expect(failure.response?.status == status)
    }

    @Test(arguments: [
        (400, RoutingFailure.Kind.permanent, FailureCause.cicRefused), (403, .configuration, .cicForbidden),
        (404, .permanent, .cicRefused), (410, .configuration, .cicRefused), (429, .transient, .cicError),
        (500, .transient, .cicError), (503, .transient, .cicError), (302, .transient, .cicUnexpectedAnswer),
    ])
    func `what does no harm when repeated is never unknown`(
        _ status: Int, _ kind: RoutingFailure.Kind, _ cause: FailureCause
    ) {
        for operation in [CICOperation.read, .disconnect, .setAttributes, .notification(.assign)] {
            let failure = failures.failure(operation, status: status, body: [])
            #expect(failure.kind == kind && failure.cause == cause, "\(operation)")
        }
    }

    @Test func `the generic move that may have happened is unknown`() {
        #expect(failures.failure(.move, status: 500, body: []).kind == .unknown)
        #expect(failures.failure(.move, status: 400, body: []).cause == .workgroupUnusable)
        #expect(failures.silent(.notification(.create)).kind == .unknown)
        #expect(failures.silent(.notification(.assign)).kind == .transient)
        #expect(failures.silent(.notification(.disconnect)).cause == .handlerSilent)
        #expect(failures.silent(.list).cause == .cicNoAnswer)
    }

    @Test func `a sentence ends with one full stop, whether the handler's text had one or not`() {
        for text in ["There is no workgroup “Suport”.", "There is no workgroup “Suport”"] {
            let failure = failures.refused(.assign, code: "unknown-workgroup", text: text)
            #expect(failure.summary.hasSuffix("refused: There is no workgroup “Suport”."), "\(failure.summary)")
        }
    }

    @Test func `what is kept of an answer is bounded and holds no secret`() {
        let body = Array(String(repeating: "pass-word, ", count: 10_000).utf8)
        let kept = failures.failure(.create, status: 500, body: body).response?.body ?? ""
        #expect(kept.hasPrefix("…, …, "))
        #expect(!kept.contains("pass"))
        #expect((4_000...RoutingFailure.Response.maximumBodyLength).contains(kept.utf8.count))
    }

    @Test func `a refused login is for a person to repair`() {
        for status in [400, 401] {
            let failure = failures.failure(.connect, status: status, body: Array(#"{"m":"pass-word"}"#.utf8))
            #expect(failure.kind == .configuration && failure.cause == .cicCredentials)
            #expect(failure.response?.body == #"{"m":"…"}"#)
        }
    }

    @Test func `without a session a call is held, whatever it was`() {
        let reason = RoutingReason(.cicUnreachable, "not there")
        for operation in [CICOperation.create, .move, .read, .notification(.create), .list] {
            let failure = failures.failure(operation, .noSession(reason))
            #expect(failure.kind == .held && failure.cause == .cicUnreachable && failure.stage == operation.stage)
            #expect(failures.failure(operation, .expired).kind == .held)
        }
    }

    @Test func `only a create that was kept back here is certain not to have been sent`() {
        let reason = RoutingReason(.cicUnreachable, "not there")
        for operation in [CICOperation.create, .notification(.create)] {
            #expect(!failures.failure(operation, .noSession(reason)).mayHaveBeenSent)
            #expect(failures.failure(operation, .expired).mayHaveBeenSent)
            #expect(failures.silent(operation).mayHaveBeenSent)
            for status in [400, 401, 403, 408, 429, 500, 503, 200] {
                #expect(failures.failure(operation, status: status, body: []).mayHaveBeenSent, "\(status)")
            }
        }
        // What may be sent again may have been sent before.
        #expect(failures.failure(.read, .noSession(reason)).mayHaveBeenSent)
        #expect(failures.failure(.notification(.assign), .noSession(reason)).mayHaveBeenSent)
        #expect(failures.refused(.create, code: "internal", text: "no").mayHaveBeenSent)
    }
}
