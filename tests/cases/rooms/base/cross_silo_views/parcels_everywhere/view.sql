select silo, code from parcels
