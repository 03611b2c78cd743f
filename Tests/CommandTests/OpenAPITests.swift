import Foundation
import SelatCore
import SelatTestSupport
import Testing

extension CommandTests {
    /// What a daemon answers beside the document that it serves: every route, status and body.
    @Suite(.enabled(if: Run.curl != nil, "needs curl")) struct OpenAPITests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        /// One answer, as curl saw it.
        struct Answer {
            let status: String
            let type: String
            let body: [UInt8]

            var json: JSON { get throws { try JSON(parsing: body) } }
        }

        private func call(
            _ method: String, _ path: String, body: [UInt8]? = nil, at socket: String? = nil
        ) async throws -> Answer {
            let socket = socket ?? sandbox.socket("SG")
            let out = try scratch.write("", to: "answer")
            var words = [
                "--silent", "--max-time", "60", "--unix-socket", socket, "-X",
                method, "-o", out, "-w", "%{http_code}\n%{content_type}",
            ]
            if let body {
                let file = try scratch.write(body, to: "question")
                words += ["--data-binary", "@\(file)"]
            }
            let ended = try await Run.run(
                try #require(Run.curl), words + ["http://selat\(path)"])
            try #require(ended.status == 0, "\(method) \(path): \(ended.words)")
            let lines = ended.stdout.split(separator: "\n", omittingEmptySubsequences: false)
            return Answer(
                status: String(lines[0]), type: String(lines[1]), body: try scratch.bytes("answer"))
        }

        /// The document, and the routes whose granted answer was seen.
        private final class Book {
            let document: JSON
            private(set) var granted: Set<String> = []

            init(_ document: JSON) { self.document = document }

            /// Holds an answer against the operation of a route, `GET /v1/transfers/{id}`.
            func check(_ answer: Answer, of route: String) throws {
                let words = route.split(separator: " ").map(String.init)
                let operation = try #require(
                    document["paths"]?[words[1]]?[words[0].lowercased()], "\(route)")
                var response = try #require(
                    operation["responses"]?[answer.status], "\(route): \(answer.status)")
                if let name = response["$ref"]?.stringValue?.split(separator: "/").last {
                    response = try #require(document["components"]?["responses"]?[String(name)])
                }
                let media = try #require(
                    response["content"]?[answer.type], "\(route): \(answer.type)")
                if answer.status.hasPrefix("2") { granted.insert(route) }
                guard answer.type.hasSuffix("json"), let schema = media["schema"] else { return }
                let faults = SchemaChecker(document).faults(of: try answer.json, by: schema)
                #expect(faults.isEmpty, "\(route): \(faults.joined(separator: "\n"))")
            }

            /// Every route of the document.
            var routes: Set<String> {
                Set(
                    (document["paths"]?.objectValue ?? [:]).flatMap { path, operations in
                        (operations.objectValue ?? [:]).keys.map { "\($0.uppercased()) \(path)" }
                    })
            }
        }

        private func book() async throws -> Book {
            let answer = try await call("GET", "/v1/openapi.json")
            let book = Book(try answer.json)
            #expect(book.document["openapi"] == "3.1.0")
            try book.check(answer, of: "GET /v1/openapi.json")
            return book
        }

        /// Calls a route; what stands in braces is filled in.
        @discardableResult
        private func checked(
            _ route: String, _ book: Book, id: String = "", query: String = "",
            body: [UInt8]? = nil, at socket: String? = nil
        ) async throws -> Answer {
            let words = route.split(separator: " ").map(String.init)
            let path = words[1].replacing("{id}", with: id).replacing("{sequence}", with: "0")
                .replacing("{purpose}", with: "tls")
            let answer = try await call(words[0], path + query, body: body, at: socket)
            try book.check(answer, of: route)
            return answer
        }

        @Test func everyRouteAnswersAsTheDocumentSays() async throws {
            defer { scratch.remove() }
            let book = try await book()
            for path in [
                "status", "doctor", "transfers", "approvals", "holdings", "policies", "membership",
                "statements", "recalls", "keys", "audit/entries", "audit/statistics",
                "audit/checkpoint",
            ] { try await checked("GET /v1/\(path)", book) }
            try await checked("GET /v1/membership", book, query: "?documents=1")
            try await checked("POST /v1/pings", book, body: Array(#"{"node":"VN/hub"}"#.utf8))
            try await sends(book)
            try await approves(book)
            try await looksAtTheLog(book)
            try await changesWhatIsInForce(book)
            // A whole log begins no epoch, a report is owed after a break-glass alone, nothing waits
            // for its next try where all nodes answer, and a sandbox has nobody to back up for.
            #expect(
                book.routes.subtracting(book.granted).subtracting([
                    "POST /v1/backups", "POST /v1/backups/confirmation",
                ]) == [
                    "POST /v1/audit/epoch", "POST /v1/transfers/{id}/report",
                    "POST /v1/transfers/{id}/retry",
                ])
        }

        private func request(_ facts: String = "") -> [UInt8] {
            Array(
                """
                {"to": "VN/hub", "facts": {"personal-data": false, "purpose": ["selat:EarlyWarning"]\(facts)},
                 "label": {"classification": "unclassified", "releasable-to": ["VN"], "tlp": "TLP:AMBER"},
                 "dataset": {"resources": [{"name": "g", "path": "g.csv", "bytes": 8}]}}
                """.utf8)
        }

        private func begun(_ book: Book, facts: String = "") async throws -> String {
            let begun = try await checked("POST /v1/transfers", book, body: request(facts))
            let id = try #require(try begun.json["id"]?.stringValue)
            try await checked(
                "PUT /v1/transfers/{id}/payload", book, id: id, body: Array("level\n1\n".utf8))
            return id
        }

        private func sends(_ book: Book) async throws {
            let vn = sandbox.socket("VN")
            try await checked("POST /v1/verdicts", book, body: request())
            var whole = try JSON(parsing: request()).objectValue ?? [:]
            whole["payload"] = .string(Base64.encode("level\n1\n".utf8))
            let outcome = try await checked(
                "POST /v1/transfers", book, query: "?wait_seconds=50",
                body: JSON.object(whole).canonical)
            #expect(try outcome.json["state"] == "delivered")
            #expect(try outcome.json["ended"] == true)
            let unjudged = try await call(
                "POST", "/v1/verdicts", body: JSON.object(whole).canonical)
            #expect(unjudged.status == "400")
            let label =
                #"{"classification":"unclassified","releasable-to":["VN"],"tlp":"TLP:AMBER"}"#
            try await checked(
                "POST /v1/routes", book, body: Array(#"{"to":"VN/hub","label":\#(label)}"#.utf8))
            let id = try await begun(book)
            try await checked(
                "GET /v1/transfers/{id}/state", book, id: id, query: "?wait_seconds=50")
            let sent = try await checked("GET /v1/transfers/{id}", book, id: id)
            try #require(try sent.json["state"] == "delivered")
            let receipt = try #require(try sent.json["receipt"]?["document"])
            try await checked("POST /v1/receipts", book, body: receipt.canonical)
            try await checked("GET /v1/transfers/{id}/evidence", book, id: id)
            try await checked("GET /v1/transfers/{id}", book, id: id, at: vn)
            try await checked("GET /v1/transfers/{id}/state", book, id: id, at: vn)
            try await checked("GET /v1/transfers", book, at: vn)
            try await checked("GET /v1/holdings", book, at: vn)
            try await checked("GET /v1/transfers/{id}/manifest", book, id: id, at: vn)
            try await checked("POST /v1/transfers/{id}/opening", book, id: id, at: vn)
            let package = try await checked(
                "GET /v1/transfers/{id}/package", book, id: id, at: vn)
            let recall = try await recalled(id)
            try await checked("POST /v1/recalls", book, body: statementBody(recall))
            try await checked("GET /v1/recalls", book)
            try await checked("GET /v1/holdings", book)
            try await checked("GET /v1/transfers/{id}", book, id: id)
            try await checked(
                "POST /v1/transfers/{id}/destruction", book, id: id,
                body: Array(#"{"reason":"order 17/2026"}"#.utf8), at: vn)
            try await checked("GET /v1/transfers/{id}", book, id: id, at: vn)
            let (front, length) = try Self.payload(of: package.body)
            try await checked(
                "POST /v1/packages", book, query: "?front=\(front)",
                body: Array(package.body.prefix(front + length)), at: vn)
        }

        /// Where the payload of a package begins, and its size: a tar member.
        private static func payload(of package: [UInt8]) throws -> (front: Int, length: Int) {
            let start = try #require(
                stride(from: 0, to: package.count, by: 512).first {
                    package[$0...].starts(with: Array("payload\0".utf8))
                })
            let size = String(decoding: package[start + 124..<start + 135], as: UTF8.self)
            return (start + 512, try #require(Int(size, radix: 8)))
        }

        private func approves(_ book: Book) async throws {
            let ai = #", "ai-use": ["inference"]"#
            let id = try await begun(book, facts: ai)
            try await checked("GET /v1/approvals", book)
            try await checked("GET /v1/transfers/{id}/approval", book, id: id)
            let review = try await checked("POST /v1/transfers/{id}/review", book, id: id)
            let signed = try await self.signed(review.body, by: "releasing-officer")
            try await checked(
                "POST /v1/transfers/{id}/approvals", book, id: id, body: statementBody(signed))
            try await checked("GET /v1/transfers/{id}", book, id: id)
            let other = try await begun(book, facts: ai)
            try await checked("POST /v1/transfers/{id}/retry", book, id: other)
            try await checked(
                "POST /v1/transfers/{id}/cancellation", book, id: other,
                body: Array(#"{"reason":"the wrong gauges"}"#.utf8))
            let declaration = try await declared()
            try await checked("POST /v1/statements", book, body: statementBody(declaration))
            try await checked("GET /v1/statements", book)
        }

        private func statementBody(_ message: [UInt8]) -> [UInt8] {
            Array(#"{"statement":"\#(Data(message).base64EncodedString())"}"#.utf8)
        }

        private func recalled(_ id: String) async throws -> [UInt8] {
            let ended = try await sandbox.officer(
                [
                    "recall", id, "--reason", "the wrong gauges", "--from", "SG/hub", "--to",
                    "VN/hub", "--yes", "--out", "\(scratch.path)/recall.cms",
                ], by: "releasing-officer", of: "SG")
            try #require(ended.status == 0, "\(ended.words)")
            return try scratch.bytes("recall.cms")
        }

        private func declared() async throws -> [UInt8] {
            let ended = try await sandbox.officer(
                [
                    "statement", "declare", "--from", "SG/hub", "--to", "VN", "--hours", "1",
                    "--reference", "1/2026", "--reason", "a flood", "--out",
                    "\(scratch.path)/flood.cms",
                ], by: "emergency-officer", of: "SG")
            try #require(ended.status == 0, "\(ended.words)")
            return try scratch.bytes("flood.cms")
        }

        private func signed(_ request: [UInt8], by role: String) async throws -> [UInt8] {
            let file = try scratch.write(request, to: "request")
            let ended = try await sandbox.officer(
                [
                    "approve", "--request", file, "--out", "\(scratch.path)/yes.cms", "--reason",
                    "compared", "--yes",
                ], by: role, of: "SG")
            try #require(ended.status == 0, "\(ended.words)")
            return try scratch.bytes("yes.cms")
        }

        private func looksAtTheLog(_ book: Book) async throws {
            try await checked("GET /v1/audit/entries", book, query: "?newest=yes&limit=1000")
            try await checked("GET /v1/audit/entries/{sequence}", book)
            try await checked("POST /v1/audit/verification", book)
            try await checked("POST /v1/audit/exports", book, body: Array("{}".utf8))
        }

        private func changesWhatIsInForce(_ book: Book) async throws {
            try await checked("POST /v1/membership", book, body: Array("{}".utf8))
            try await checked("POST /v1/policies", book, body: Array(#"{"editions":[]}"#.utf8))
            // What would last: at a node of its own.
            let node = try OwnNode()
            defer { node.scratch.remove() }
            try await node.serving {
                try await checked("POST /v1/keys/{purpose}/rotation", book, at: node.control)
                try await checked("GET /v1/keys", book, at: node.control)
                let erased = Array(#"{"entries":[1],"reason":"its time is over"}"#.utf8)
                try await checked("POST /v1/audit/erasures", book, body: erased, at: node.control)
                try await checked("GET /v1/audit/entries", book, at: node.control)
            }
        }

        // MARK: Refusals

        /// A route and a status that its document has.
        @Test func refusalsAreThoseOfTheDocument() async throws {
            defer { scratch.remove() }
            let book = try await book()
            let nobody = "01a20a28-f8b8-79e7-b70d-d358d926a300"
            for route in book.routes.sorted() where !route.hasSuffix("/openapi.json") {
                let words = route.split(separator: " ").map(String.init)
                let operation = book.document["paths"]?[words[1]]?[words[0].lowercased()]
                let takesJSON = operation?["requestBody"]?["content"]?["application/json"] != nil
                if takesJSON {
                    for body in ["", "{", "[]", #"{"none-of":1}"#, #"{"a":1,"a":1}"#] {
                        let answer = try await checked(
                            route, book, id: nobody, body: Array(body.utf8))
                        #expect(answer.type == "application/problem+json", "\(route): \(body)")
                    }
                } else if route.contains("{id}") {
                    let answer = try await checked(route, book, id: nobody)
                    #expect(answer.status == "404", "\(route)")
                    #expect(try await checked(route, book, id: "x").status == "400")
                }
                let other = try await call("TRACE", words[1])
                #expect(other.status == "405", "\(route)")
            }
            #expect(try await call("GET", "/v2").status == "404")
        }
    }
}
