"""The MCP server: a door on the router for every MCP client, over stdio and streamable HTTP.

    front     stdio: answers the opening requests at once from manifest.json, without the SDK
    static    what the front may answer by itself, in both protocol eras
    wire      the reserved stdout, JSON-RPC lines and batches
    engine    the thread that imports the SDK and takes over everything else
    server    the SDK server: tools, resources, prompts
    web       the same server over HTTP

Only live, server, web and what they import load the SDK.
"""
