"""getFile, and the bytes themselves: for bots below /file, for pages below /_media."""

from aiohttp import web

from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call, method
from simulator.files import find, path_of
from simulator.simulation import Simulation

LARGEST_DOWNLOAD = 20 * 2**20


@method("getFile")
async def get_file(call: Call) -> object:
    wanted = call.method.file_id
    file = find(call.world, call.bot.id, wanted)
    if file is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if file["size"] > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return {
        "file_id": wanted,
        "file_unique_id": file["unique_id"],
        "file_size": file["size"],
        "file_path": path_of(file),
    }


def add_file_routes(app: web.Application, sim: Simulation) -> None:
    async def for_bots(request: web.Request) -> web.StreamResponse:
        path, token = request.match_info["path"], request.match_info["token"]
        unique = path.rsplit("/", 1)[-1].split(".")[0]
        file = sim.world.files.get(unique)
        if sim.world.bot_with(token) is None or file is None or path_of(file) != path:
            body = {"ok": False, "error_code": 404, "description": "Not Found"}
            return web.json_response(body, status=404)
        return web.FileResponse(sim.world.store.files / file["sha256"])

    async def for_pages(request: web.Request) -> web.StreamResponse:
        file = sim.world.files.get(request.match_info["unique"])
        if file is None:
            raise web.HTTPNotFound
        headers = {"Content-Type": file["mime_type"], "Content-Security-Policy": "default-src 'none'; sandbox"}
        return web.FileResponse(sim.world.store.files / file["sha256"], headers=headers)

    app.router.add_get(r"/file/bot{token:[^/]+}/{path:.+}", for_bots)
    app.router.add_get(r"/_media/{unique}", for_pages)
