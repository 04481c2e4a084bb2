import Hummingbird

/// Licences: every one is granted, at once and to everybody.
extension CICState {
    /// `/icws/{session}/licenses`: POST acquires, PUT replaces, DELETE gives all back. 200 even where not all is granted.
    func licenses(_ request: CICRequest) throws(CICError) -> CICAnswer {
        if request.method == .delete { return .done }
        guard request.method == .post || request.method == .put else { throw CICError.notFound }
        let results = try licenseNames(request).map { name -> CICJSON in
            // 2 is Available; 1, which looks like a success, is None.
            ["licenseName": .string(name), "isAvailable": true, "licenseStatus": 2, "errorDetails": "none"]
        }
        return CICAnswer(200, ["licenseOperationResultList": .array(results)])
    }

    /// `licenses`: which of some licences the user has.
    func subscribeLicenses(_ request: CICRequest, _ session: CICSession, put: Bool) throws(CICError) -> CICAnswer {
        guard put else { return .done }
        let message: CICJSON = [
            "__type": "urn:inin.com:licenses:licenseMessage", "isDelta": false,
            "licenseAssignedStatusList": .array(
                try licenseNames(request).map { ["name": .string($0), "isAssigned": true] }),
        ]
        session.post(message.bytes, in: self)
        return .done
    }

    private func licenseNames(_ request: CICRequest) throws(CICError) -> [String] {
        guard let names = try request.required("licenseList").strings else { throw CICError.invalid("licenseList") }
        return names
    }
}
