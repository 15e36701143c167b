# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Give OpenStack's services their users and their places in the catalogue; find or create, nothing else is touched.

Reads one JSON object on standard input: region, services (list of name, type, url), users (name: password), and the
cloud of clouds.yaml to sign in at. Prints {"changed": [what was made]}. A password that no longer opens is set anew.
Ends with one sentence if the identity service does not answer.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import keystoneauth1.exceptions
import openstack

PATIENCE_SECONDS = 120
INTERFACES = ("admin", "internal", "public")


def sign_in(cloud: str) -> openstack.connection.Connection:
    """Wait until the identity service answers: its first request loads the program."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = openstack.connect(cloud=cloud)
            connection.authorize()
            return connection
        except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException) as error:
            if time.monotonic() > end:
                sys.exit(f"The identity service lets nobody in after {PATIENCE_SECONDS} s ({error}): look at its log.")
            time.sleep(1)


def opens(connection: openstack.connection.Connection, name: str, password: str) -> bool:
    """Whether the service's user can sign in."""
    own = {**connection.config.auth, "username": name, "password": password, "project_name": "service"}
    try:
        openstack.connect(auth=own, region_name=connection.config.region_name).authorize()
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.Unauthorized):
        return False
    return True


def make_users(connection: openstack.connection.Connection, users: dict[str, str], made: list[str]) -> None:
    """A user for each service, in the project of services."""
    identity = connection.identity
    project = identity.find_project("service")
    if project is None:
        project = identity.create_project(name="service", domain_id="default", description="OpenStack's own services")
        made.append("project service")
    roles = []
    for name in ("admin", "service"):
        role = identity.find_role(name)
        if role is None:
            role = identity.create_role(name=name)
            made.append(f"role {name}")
        roles.append(role)
    for name, password in users.items():
        user = identity.find_user(name)
        if user is None:
            user = identity.create_user(name=name, password=password, domain_id="default")
            made.append(f"user {name}")
        for role in roles:
            if not identity.validate_user_has_project_role(project, user, role):
                identity.assign_project_role_to_user(project, user, role)
                made.append(f"role {role.name} of {name}")
        if not opens(connection, name, password):
            identity.update_user(user, password=password)
            made.append(f"password of {name}")


def make_endpoints(connection: openstack.connection.Connection, request: dict[str, Any], made: list[str]) -> None:
    """Where each service is."""
    identity = connection.identity
    known = list(identity.endpoints())
    for wanted in request["services"]:
        service = next(iter(identity.services(type=wanted["type"])), None)
        if service is None:
            service = identity.create_service(name=wanted["name"], type=wanted["type"])
            made.append(f"service {wanted['name']}")
        for interface in INTERFACES:
            own = [one for one in known if (one.service_id, one.interface) == (service.id, interface)]
            if not own:
                place = {"interface": interface, "url": wanted["url"], "region_id": request["region"]}
                identity.create_endpoint(service_id=service.id, **place)
            elif own[0].url != wanted["url"]:
                identity.update_endpoint(own[0], url=wanted["url"])
            else:
                continue
            made.append(f"{interface} endpoint of {wanted['name']}")


def main() -> None:
    """Read the request, make what is missing, print it."""
    request = json.load(sys.stdin)
    connection = sign_in(request["cloud"])
    made: list[str] = []
    make_users(connection, request["users"], made)
    make_endpoints(connection, request, made)
    print(json.dumps({"changed": made}))


if __name__ == "__main__":
    main()
